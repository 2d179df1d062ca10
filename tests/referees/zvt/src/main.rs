//! The crate `zvt` pays at a terminal: `zvt-referee ADDRESS`. One line for each fact that it was told.
//!
//! Its encoders, its parsers and its sequences are used as they are published. Only `06 01` is put together here, from
//! its own field encodings: the published version knows reservations (`06 22`) and no plain payment.

use std::pin::Pin;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use zvt::sequences::{
    AuthorizationResponse, EndOfDayResponse, PartialReversalResponse, Sequence, read_packet_async, write_with_ack_async,
};
use zvt::{ZvtParser, ZvtSerializer, encoding, length, packets, sequences};

const PASSWORD: usize = 123_456;
const EUR: usize = 978;
/// Receipts come as lines, intermediate statuses are wanted, nothing is typed on the terminal.
const CONFIG: u8 = 0xde;

#[derive(Debug, PartialEq, zvt::Zvt)]
#[zvt_control_field(class = 0x06, instr = 0x01)]
struct Authorisation {
    #[zvt_bmp(number = 0x04, length = length::Fixed<6>, encoding = encoding::Bcd)]
    amount: Option<usize>,
    #[zvt_bmp(number = 0x49, length = length::Fixed<2>, encoding = encoding::Bcd)]
    currency: Option<usize>,
    #[zvt_bmp(number = 0x19)]
    payment_type: Option<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: zvt-referee ADDRESS")?;
    let mut line = TcpStream::connect(&address).await?;
    register(&mut line).await?;
    purchase(&mut line, 1_500).await?;
    // Ten minor units make a DLE of the serial form; over TCP they must stay as they are.
    purchase(&mut line, 101_010).await?;
    let receipt = reserve(&mut line, 2_000).await?;
    if let Some(receipt) = receipt {
        book_less(&mut line, receipt, 500).await?;
    }
    close_day(&mut line).await
}

async fn register(line: &mut TcpStream) -> Result<()> {
    let wish = packets::Registration { password: PASSWORD, config_byte: CONFIG, currency: Some(EUR), tlv: None };
    let mut answers = sequences::Registration::into_stream(&wish, line);
    while let Some(answer) = answers.next().await {
        let sequences::RegistrationResponse::CompletionData(done) = answer?;
        println!("registered terminal={:08}", done.terminal_id.unwrap_or(0));
    }
    Ok(())
}

async fn purchase(line: &mut TcpStream, amount: usize) -> Result<()> {
    let wish = Authorisation { amount: Some(amount), currency: Some(EUR), payment_type: Some(0x44) };
    let mut line = Pin::new(line);
    write_with_ack_async(&wish, &mut line).await?;
    loop {
        let answer = AuthorizationResponse::zvt_parse(&read_packet_async(&mut line).await?)?;
        line.write_all(&packets::Ack {}.zvt_serialize()).await?;
        if tell("payment", &answer)? {
            return Ok(());
        }
    }
}

async fn reserve(line: &mut TcpStream, amount: usize) -> Result<Option<usize>> {
    let wish = packets::Reservation {
        amount: Some(amount),
        currency: Some(EUR),
        payment_type: Some(0x44),
        ..packets::Reservation::default()
    };
    let mut receipt = None;
    let mut answers = sequences::Reservation::into_stream(&wish, line);
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        if let AuthorizationResponse::StatusInformation(status) = &answer {
            receipt = status.receipt_no.filter(|_| status.result_code == Some(0));
        }
        tell("reservation", &answer)?;
    }
    Ok(receipt)
}

async fn book_less(line: &mut TcpStream, receipt: usize, unused: usize) -> Result<()> {
    let wish = packets::PartialReversal {
        receipt_no: Some(receipt),
        amount: Some(unused),
        currency: Some(EUR),
        ..packets::PartialReversal::default()
    };
    let mut answers = sequences::PartialReversal::into_stream(&wish, line);
    while let Some(answer) = answers.next().await {
        match answer? {
            PartialReversalResponse::StatusInformation(status) => told("booking", &status),
            PartialReversalResponse::CompletionData(_) => println!("booking completed"),
            PartialReversalResponse::PartialReversalAbort(abort) => bail!("the booking ended with {:02x}", abort.error),
            _ => {}
        }
    }
    Ok(())
}

async fn close_day(line: &mut TcpStream) -> Result<()> {
    let wish = packets::EndOfDay { password: PASSWORD };
    let mut answers = sequences::EndOfDay::into_stream(&wish, line);
    while let Some(answer) = answers.next().await {
        match answer? {
            EndOfDayResponse::StatusInformation(status) => {
                let sums = status.single_amounts.unwrap_or_default();
                let parts =
                    [&sums.girocard, &sums.jcb, &sums.eurocard, &sums.amex, &sums.visa, &sums.diners, &sums.others];
                let count: u32 = parts.iter().map(|part| u32::from(part.num)).sum();
                let sum: usize = parts.iter().map(|part| part.total).sum();
                println!("day count={count} sum={sum} amount={}", status.amount.unwrap_or(0));
            }
            EndOfDayResponse::CompletionData(_) => println!("day closed"),
            EndOfDayResponse::Abort(abort) => bail!("the end of day ended with {:02x}", abort.error),
            _ => {}
        }
    }
    Ok(())
}

/// Tells one answer; true if it ends the command.
fn tell(what: &str, answer: &AuthorizationResponse) -> Result<bool> {
    match answer {
        AuthorizationResponse::StatusInformation(status) => told(what, status),
        AuthorizationResponse::PrintLine(printed) => println!("printed {}", printed.text.trim()),
        AuthorizationResponse::CompletionData(_) => println!("{what} completed"),
        AuthorizationResponse::Abort(abort) => println!("{what} aborted code={:02x}", abort.error),
        _ => {}
    }
    Ok(matches!(answer, AuthorizationResponse::CompletionData(_) | AuthorizationResponse::Abort(_)))
}

fn told(what: &str, status: &packets::StatusInformation) {
    println!(
        "{what} result={:02x} amount={} terminal={:08}",
        status.result_code.unwrap_or(0xff),
        status.amount.unwrap_or(0),
        status.terminal_id.unwrap_or(0),
    );
}

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn printed(model: &str, bytes: &[u8]) -> (Sheet, Panel) {
    let printer = SimPrinter::start(Model::named(model).unwrap(), None, 1).unwrap();
    let panel = printer.panel();
    let mut wire = printer.connect().unwrap();
    wire.write_all(bytes).await.unwrap();
    let sheet = panel.wait_for_sheets(1).await.remove(0);
    (sheet, panel)
}

#[tokio::test(start_paused = true)]
async fn letters_stand_where_they_were_put() {
    let bytes = b"\x1B@\x1Ba\x01\x1D!\x11Hi\n\x1D!\x00\x1Ba\x00\x1Bt\x13Preis 9,90 \xD5\n\x1Ba\x02K07-1\n\x1DVA\x01";
    let (sheet, panel) = printed("epson-tm-t20iii", bytes).await;
    assert_eq!(
        sheet.paper.text,
        [format!("{}Hi", " ".repeat(22)), "Preis 9,90 €".into(), format!("{}K07-1", " ".repeat(43))]
    );
    assert_eq!(sheet.fate, Fate::Cut);
    assert_eq!(panel.unknown_commands(), Vec::<Vec<u8>>::new());
    let first_ink = sheet.paper.rows.iter().flat_map(|row| row.iter().position(|dot| *dot)).min().unwrap();
    assert!(first_ink < 12, "the second line begins at the edge");
}

#[tokio::test(start_paused = true)]
async fn symbols_are_drawn_and_read_back() {
    let mut bytes = b"\x1B@\x1Ba\x01\x1D(k\x04\x001A2\x00\x1D(k\x03\x001C\x06\x1D(k\x03\x001E1".to_vec();
    let text = b"LPA:1$smdp.io$K2-1A";
    bytes.extend([0x1D, b'(', b'k', text.len() as u8 + 3, 0, 49, 80, 48]);
    bytes.extend(text);
    bytes.extend(b"\x1D(k\x03\x001Q0\n\n\x1DVA\x01");
    let (sheet, _) = printed("epson-tm-t20iii", &bytes).await;
    assert_eq!(sheet.paper.codes(), ["LPA:1$smdp.io$K2-1A"]);
    let (sheet, panel) = printed("custom-kpm", b"a\n\x1D(k\x03\x001Q0\x1DVA\x01").await;
    assert_eq!(panel.unknown_commands().len(), 1, "a model without symbols says so");
    assert_eq!(sheet.fate, Fate::Presented);
}

#[tokio::test(start_paused = true)]
async fn status_is_told_at_once_and_by_itself() {
    let printer = SimPrinter::start(&MODELS[0], None, 1).unwrap();
    let panel = printer.panel();
    let mut wire = printer.connect().unwrap();
    let mut answer = [0; 4];
    wire.write_all(b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04").await.unwrap();
    wire.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x12; 4]);
    wire.write_all(b"\x1Da\x0E").await.unwrap();
    wire.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x10, 0, 0, 0]);
    panel.befall(Fault::CoverOpen);
    wire.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x38, 0, 0, 0]);
    wire.write_all(b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04").await.unwrap();
    wire.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x1A, 0x16, 0x12, 0x12]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_buffer_prints_after_the_repair_unless_it_is_cleared() {
    for (clear, left) in [(&b""[..], true), (&b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"[..], false)] {
        let printer = SimPrinter::start(&MODELS[0], None, 1).unwrap();
        let panel = printer.panel();
        printer.set_traveller(7);
        panel.plan(vec![Planned { at: 2, fault: Fault::PaperOut }]);
        let mut wire = printer.connect().unwrap();
        wire.write_all(b"A\nB\n\x10\x04\x04").await.unwrap();
        let mut answer = [0; 1];
        wire.read_exact(&mut answer).await.unwrap();
        wire.write_all(clear).await.unwrap();
        if !clear.is_empty() {
            let mut answer = [0; 3];
            wire.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, [0x37, 0x25, 0]);
        }
        panel.repair();
        wire.write_all(b"C\n\x1D(H\x06\x0000abcd\x1DVA\x01").await.unwrap();
        let mut answer = [0; 7];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"\x37\x22abcd\x00");
        let sheet = panel.wait_for_sheets(1).await.remove(0);
        let expected: &[&str] = if left { &["A", "B", "C"] } else { &["A", "C"] };
        assert_eq!(sheet.paper.text, expected);
        assert_eq!(sheet.paper.travellers.into_iter().collect::<Vec<_>>(), [7]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_presenter_holds_gives_and_takes_back() {
    let printer = SimPrinter::start(Model::named("custom-kpm").unwrap(), None, 1).unwrap();
    let panel = printer.panel();
    let mut wire = printer.connect().unwrap();
    let mut full = [0; 6];
    wire.write_all(b"A\n\x1DVA\x01\x1De\x03\x50").await.unwrap();
    panel.wait_for_sheets(1).await;
    wire.write_all(b"\x10\x04\x14").await.unwrap();
    wire.read_exact(&mut full).await.unwrap();
    assert_eq!(full, [0x10, 0x0F, 0x20, 0, 0, 0], "a ticket lies in the output");
    wire.write_all(b"\x1De\x02\x1Dr\x01").await.unwrap();
    wire.read_exact(&mut full[..1]).await.unwrap();
    assert_eq!((panel.presented(), panel.sheets()[0].fate), (None, Fate::Retracted));
    wire.write_all(b"B\n\x1DVA\x01").await.unwrap();
    panel.wait_for_sheets(2).await;
    panel.take();
    assert_eq!(panel.sheets()[1].fate, Fate::Taken);
    // One tears at it while it still hangs in the machine.
    wire.write_all(b"C\nD").await.unwrap();
    while panel.hanging().is_blank() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panel.tear();
    let torn = panel.sheets().remove(2);
    assert_eq!((torn.fate, torn.paper.text), (Fate::Torn, vec!["C".to_owned()]));
    wire.write_all(b"\n\x1DVA\x01").await.unwrap();
    assert_eq!(panel.wait_for_sheets(4).await[3].paper.text, ["D"]);
}

#[tokio::test]
async fn a_pair_of_files_is_a_wire_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut printer = SimPrinter::start(&MODELS[0], None, 1).unwrap();
    printer.on_files(folder.path()).unwrap();
    let mut to = tokio::fs::File::options().write(true).open(folder.path().join("to-printer")).await.unwrap();
    let mut from = tokio::fs::File::open(folder.path().join("from-printer")).await.unwrap();
    to.write_all(b"Hello\n\x1DVA\x01\x10\x04\x01").await.unwrap();
    to.flush().await.unwrap();
    let mut answer = [0; 1];
    from.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x12]);
    assert_eq!(printer.panel().wait_for_sheets(1).await[0].paper.text, ["Hello"]);
}

#[tokio::test]
async fn receipts_are_mirrored_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let printer = SimPrinter::start(&MODELS[0], Some(folder.path().to_owned()), 1).unwrap();
    let mut wire = printer.connect().unwrap();
    wire.write_all(b"Hello\n\x1DVA\x01\x1DVA\x01").await.unwrap();
    printer.panel().wait_for_sheets(1).await;
    let path = folder.path().join("receipt-1.png");
    while !folder.path().join("receipt-1.json").exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("receipt-1.txt")).unwrap(), "Hello\n");
    assert!(std::fs::read(path).unwrap().starts_with(b"\x89PNG"));
    assert!(!folder.path().join("receipt-2.txt").exists(), "blank paper is no receipt");
}

//! The back office behind the broker: each finished sale goes out until its receiver has said that it has it.
//!
//! The kiosk publishes the parcel at QoS 1 to `te/device/K07///e/sale`; the receiver stores it under its `key` and
//! answers with `{"key": …}` on `te/device/K07///e/sale_taken`. The broker's own acknowledgement proves nothing about
//! the office, and is not taken for one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use super::News;
use crate::office::{BackOffice, Parcel, Taken};

/// So long may the office take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The office at the other end of the broker.
#[derive(Clone)]
pub struct FarOffice {
    news: mpsc::Sender<News>,
    taken: Arc<broadcast::Sender<Value>>,
}

impl FarOffice {
    /// Parcels go out as news; answers come back through what [`FarOffice::answers`] returns.
    pub fn new(news: mpsc::Sender<News>) -> Self {
        FarOffice { news, taken: Arc::new(broadcast::Sender::new(16)) }
    }

    /// Where the link puts what the office answered.
    pub fn answers(&self) -> Arc<broadcast::Sender<Value>> {
        self.taken.clone()
    }
}

#[async_trait]
impl BackOffice for FarOffice {
    async fn take(&self, parcel: &Parcel) -> Taken {
        // Listening begins before anything is said.
        let mut taken = self.taken.subscribe();
        let sale: Value = serde_json::from_str(&parcel.json).unwrap_or(Value::Null);
        let payload = json!({ "number": parcel.number, "key": parcel.key, "machine": parcel.machine, "sale": sale });
        if self.news.send(News::Sale(payload)).await.is_err() {
            return Taken::Unknown("the link to the broker has ended".to_owned());
        }
        let answered = async {
            loop {
                match taken.recv().await {
                    Ok(answer) if answer["key"] == parcel.key.as_str() => return Some(answer),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Some(answer)) => match answer["refused"].as_str() {
                Some(why) => Taken::Refused(why.chars().take(200).collect()),
                // How far the office has this machine's parcels is believed over HTTPS alone: whoever holds the broker could
                // otherwise close every kiosk with one made-up number.
                None => Taken::Done { highest: None },
            },
            Ok(None) => Taken::Unknown("the link to the broker has ended".to_owned()),
            Err(_) => Taken::Unknown(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

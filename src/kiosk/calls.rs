//! An operator's call of one endpoint, by hand. What only reads is asked at once. What changes something at the provider
//! is a duty: written down before it is sent, with the account held as long as nobody knows what came of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::esim::calls::{Args, Effect};
use crate::esim::profile::without_codes;
use crate::esim::{EsimProvider, Outcome};
use crate::journal::operator_calls::OperatorCall;
use crate::sale::Lock;
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::OperatorAnswer;
use super::purchases::Duty;

/// What an operator calls.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCall {
    /// The account.
    pub provider: ProviderId,
    /// The endpoint's row.
    pub row: String,
    /// Its parameters.
    pub args: Vec<(String, String)>,
}

// By hand: passwords may be among the parameters, and every order is logged.
impl std::fmt::Debug for ProviderCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProviderCall({} {} {:?})", self.provider, self.row, self.shown())
    }
}

impl ProviderCall {
    /// The parameters as people may read them.
    pub fn shown(&self) -> Vec<String> {
        let secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["pass", "secret", "token"].iter().any(|part| name.contains(part))
        };
        let one = |(name, value): &(String, String)| {
            let value = without_codes(&serde_json::Value::String(value.clone()));
            format!("{name}={}", if secret(name) { "•••" } else { value.as_str().unwrap_or_default() })
        };
        self.args.iter().map(one).collect()
    }

    /// Whether it changes something at the provider.
    ///
    /// # Errors
    /// There is no such endpoint.
    pub fn writes(&self, provider: &dyn EsimProvider) -> Result<bool, String> {
        let row = provider.calls().iter().find(|row| row.name == self.row);
        let row = row.ok_or_else(|| {
            format!("there is no call {:?}: `esim-kiosk provider {} calls` lists them", self.row, self.provider)
        })?;
        Ok(row.effect == Effect::Writes)
    }

    /// Makes it, and says what came of it; activation codes and tokens are dots.
    pub async fn make(&self, provider: &dyn EsimProvider) -> OperatorAnswer {
        let args: Args = self.args.iter().cloned().collect();
        match provider.call(&self.row, args).await {
            Outcome::Done(value) => OperatorAnswer { value: without_codes(&value), ..OperatorAnswer::done("answered") },
            Outcome::Refused(refusal) => {
                OperatorAnswer::refused(format!("refused ({:?}): {}", refusal.reason, refusal.detail))
            }
            Outcome::NeverSent(why) => OperatorAnswer::refused(format!("not reached: {why}")),
            Outcome::Unknown(doubt) => OperatorAnswer::refused(format!(
                "no usable answer ({}): it may have been carried out; look before calling it again",
                doubt.evidence
            )),
        }
    }

    /// As it is written down before it is sent.
    pub fn record(&self, id: SaleId, sent_ms: i64) -> OperatorCall {
        let (provider, row) = (self.provider.clone(), self.row.clone());
        OperatorCall { id, provider, row, parameters: self.shown(), sent_ms, outcome: None }
    }
}

impl Kiosk {
    /// An operator calls one endpoint; the answer goes to whoever waits for it.
    pub(super) fn operator_calls(&mut self, call: ProviderCall, answer: oneshot::Sender<OperatorAnswer>) {
        info!(?call, "operator's call");
        let tell = |answer: oneshot::Sender<OperatorAnswer>, said| {
            if answer.send(said).is_err() {
                warn!("an operator did not wait for the answer");
            }
        };
        let (provider, record) = match self.may_call(&call) {
            Ok(may) => may,
            Err(why) => return tell(answer, OperatorAnswer::refused(why)),
        };
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let said = call.make(provider.as_ref()).await;
            let Some(record) = record else { return tell(answer, said) };
            let duty = Duty::Called { record, said, answer };
            if inbox.send(Inbox::Duty(Box::new(duty))).await.is_err() {
                warn!("the kiosk ended before an operator's call was answered: the journal has it without an outcome");
            }
        });
    }

    /// The account's client; and for a call that changes something the record that is on disk now, with the account
    /// held for it.
    fn may_call(&mut self, call: &ProviderCall) -> Result<(Arc<dyn EsimProvider>, Option<OperatorCall>), String> {
        let provider = self.providers.get(&call.provider).cloned();
        let provider = provider.ok_or_else(|| format!("there is no account {}", call.provider))?;
        if !call.writes(provider.as_ref())? {
            return Ok((provider, None));
        }
        let account = Lock::Account(call.provider.clone());
        if self.is_estranged() || self.halted.is_some() {
            return Err("nothing is changed while the journal may not be the newest".to_owned());
        }
        if self.locks.contains_key(&account) {
            return Err("an order of this account is under way or being looked up: try again in a few minutes".into());
        }
        let name = self.new_profile_id().ok_or("no random numbers: nothing was sent")?;
        let now = self.clock.now();
        let id = SaleId::from_parts(u64::try_from(now.wall_ms).unwrap_or(0), name.to_u128());
        let record = call.record(id, now.wall_ms);
        if let Err(error) = self.journal.put_operator_call(&record) {
            let why = super::chain(&error);
            self.journal_failed(error);
            return Err(why);
        }
        self.locks.insert(account, id);
        Ok((provider, Some(record)))
    }

    /// A call that may have changed something was answered.
    pub(super) fn called(
        &mut self,
        mut record: OperatorCall,
        said: OperatorAnswer,
        answer: oneshot::Sender<OperatorAnswer>,
    ) {
        let account = Lock::Account(record.provider.clone());
        if self.locks.get(&account) == Some(&record.id) {
            self.locks.remove(&account);
        }
        record.outcome = Some(said.text.clone());
        if let Err(error) = self.journal.put_operator_call(&record) {
            self.journal_failed(error);
        }
        if answer.send(said).is_err() {
            warn!(row = record.row, "an operator did not wait for the answer: it stands in the journal");
        }
    }

    /// At start: calls that the last run did not see through.
    pub(super) fn recover_calls(&mut self) {
        let calls = match self.journal.operator_calls() {
            Ok(calls) => calls,
            Err(error) => return self.journal_failed(error),
        };
        for mut call in calls.into_iter().filter(|call| call.outcome.is_none()) {
            warn!(account = %call.provider, row = call.row, "an operator's call was open at the end of the last run");
            call.outcome = Some("unknown: the service ended before the answer; look at the account".to_owned());
            if let Err(error) = self.journal.put_operator_call(&call) {
                return self.journal_failed(error);
            }
        }
    }
}

//! What may be joined to the loop after it is made: the service screen, and whoever fetches the catalogue.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Kiosk;
use super::operator::OperatorAnswer;
use super::service_screen::Door;

impl Kiosk {
    /// With a door to the service screen; without it, knocking is not heard.
    #[must_use]
    pub fn with_service(mut self, door: Door) -> Self {
        self.service.door = Some(door);
        self
    }

    /// With the bell of whoever fetches the catalogue ([`Sync::refresh`](super::sync::Sync::refresh)).
    #[must_use]
    pub fn with_refresh(mut self, refresh: Arc<Notify>) -> Self {
        self.refresh = Some(refresh);
        self
    }

    pub(super) fn refresh_catalogue(&self) -> OperatorAnswer {
        match &self.refresh {
            Some(refresh) => {
                refresh.notify_one();
                OperatorAnswer::done("the catalogue is being fetched")
            }
            None => OperatorAnswer::refused("nobody fetches catalogues here"),
        }
    }
}

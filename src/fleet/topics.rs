//! thin-edge.io's topics for one kiosk.

/// The topics of one device: `te/device/K07//`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    device: String,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTopic {
    /// `log_upload`, `kiosk_order`.
    pub kind: String,
    /// The command's id; none on the topic that tells what the device can do.
    pub id: Option<String>,
}

impl Topics {
    /// The topics of the kiosk with this label.
    pub fn of(label: &str) -> Self {
        Topics { device: format!("te/device/{label}//") }
    }

    /// Who this is: registration.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The service's presence, with the last will.
    pub fn presence(&self) -> String {
        // te/device/K07/service/esim-kiosk/status/health
        format!("{}service/esim-kiosk/status/health", self.device.trim_end_matches('/').to_owned() + "/")
    }

    /// A retained fact.
    pub fn state(&self, name: &str) -> String {
        format!("{}/twin/{name}", self.device)
    }

    /// An alarm.
    pub fn alarm(&self, name: &str) -> String {
        format!("{}/a/{name}", self.device)
    }

    /// A finished sale on its way to the back office.
    pub fn sale(&self) -> String {
        format!("{}/e/sale", self.device)
    }

    /// The back office's word that it has a sale.
    pub fn sale_taken(&self) -> String {
        format!("{}/e/sale_taken", self.device)
    }

    /// Every command for this kiosk.
    pub fn commands(&self) -> String {
        format!("{}/cmd/+/+", self.device)
    }

    /// What the kiosk can do.
    pub fn capability(&self, kind: &str) -> String {
        format!("{}/cmd/{kind}", self.device)
    }

    /// One command.
    pub fn command(&self, kind: &str, id: &str) -> String {
        format!("{}/cmd/{kind}/{id}", self.device)
    }

    /// What a topic says, if it is a command of ours.
    pub fn read(&self, topic: &str) -> Option<CommandTopic> {
        let rest = topic.strip_prefix(&self.device)?.strip_prefix("/cmd/")?;
        let mut parts = rest.split('/');
        let (kind, id) = (parts.next()?.to_owned(), parts.next().map(str::to_owned));
        parts.next().is_none().then_some(CommandTopic { kind, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_thin_edge() {
        let topics = Topics::of("K07");
        assert_eq!(topics.device(), "te/device/K07//");
        assert_eq!(topics.command("log_upload", "1234"), "te/device/K07///cmd/log_upload/1234");
        assert_eq!(topics.presence(), "te/device/K07/service/esim-kiosk/status/health");
        assert_eq!(topics.state("selling"), "te/device/K07///twin/selling");
        assert_eq!(topics.alarm("paper"), "te/device/K07///a/paper");
        let read = topics.read("te/device/K07///cmd/log_upload/1234").unwrap();
        assert_eq!((read.kind.as_str(), read.id.as_deref()), ("log_upload", Some("1234")));
        for foreign in ["te/device/K08///cmd/log_upload/1", "te/device/K07///a/x", "te/device/K07///cmd/a/b/c"] {
            assert_eq!(topics.read(foreign), None, "{foreign}");
        }
    }
}

//! `[[notify]]`: who is told, elsewhere, that a request waits. They cannot answer there.

use std::path::PathBuf;
use std::sync::Arc;

use claviger_approval::{Approver, Notice, NoticeFormat, Notifying, Tell};
use claviger_audit::{Log, OperatorAction};
use claviger_manifest::SecretReference;
use claviger_vault::{Channel, Notifier, Vault};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::state::{self, Config};
use crate::{open, output, web};

/// The most channels: each costs a request to a stranger for each question to a person.
const MOST_CHANNELS: usize = 8;

/// One receiver.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Notify {
    /// What it is.
    pub(crate) kind: NotifyKind,
    /// The reference that its whole address is kept under: for all three, whoever has it can write there.
    pub(crate) url: String,
    /// A PEM file with the certificate authority to trust instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// Private ranges that it may be in, as CIDR.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) networks: Vec<IpNet>,
}

/// The receivers that are known.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotifyKind {
    /// A topic of ntfy.
    Ntfy,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow webhook of Teams.
    Teams,
}

impl From<NotifyKind> for NoticeFormat {
    fn from(kind: NotifyKind) -> Self {
        match kind {
            NotifyKind::Ntfy => Self::Ntfy,
            NotifyKind::Slack => Self::Slack,
            NotifyKind::Teams => Self::Teams,
        }
    }
}

/// Puts the configured channels before an approver. Each is in the log before its address is looked up.
pub(crate) async fn before(
    approver: Box<dyn Approver>,
    config: &Config,
    log: &Log,
    vault: &Vault,
) -> Result<Box<dyn Approver>, Failure> {
    if config.notify.is_empty() {
        return Ok(approver);
    }
    if config.notify.len() > MOST_CHANNELS {
        return Err(Failure::state(format!("claviger.toml: at most {MOST_CHANNELS} [[notify]] tables")));
    }
    let channels = config.notify.iter().map(channel).collect::<Result<Vec<_>, _>>()?;
    for channel in &channels {
        let subject = channel.url.to_string();
        open::note_in(log, OperatorAction::ChannelOpened, &subject, Some(channel.format.as_str())).await?;
    }
    // A page of this machine is nobody's elsewhere.
    let origin = web::origin(config)?;
    let page = origin.is_team().then(|| origin.to_string());
    Ok(Box::new(Notifying::new(approver, page, tell(vault.notifier(), channels))))
}

fn channel(notify: &Notify) -> Result<Channel, Failure> {
    let url: SecretReference = notify
        .url
        .parse()
        // The text is not repeated: an address that was put here instead of its reference is a secret.
        .map_err(|_| Failure::state("claviger.toml, [[notify]]: `url` is a secret reference, op://vault/item/field; put the address under one with `claviger secret put`"))?;
    let ca = notify.ca.as_deref().map(state::read).transpose()?;
    Ok(Channel { format: notify.kind.into(), url, ca, networks: notify.networks.clone() })
}

/// Sends beside everything else: a receiver that is slow or gone holds up nobody, and what it answers is not looked at.
fn tell(notifier: Notifier, channels: Vec<Channel>) -> Tell {
    let channels: Vec<Arc<Channel>> = channels.into_iter().map(Arc::new).collect();
    Box::new(move |notice: Notice| {
        let notice = Arc::new(notice);
        for channel in &channels {
            let (notifier, channel, notice) = (notifier.clone(), Arc::clone(channel), Arc::clone(&notice));
            tokio::spawn(async move {
                if let Err(error) = notifier.send(&channel, &notice).await {
                    output::notice(&format!("{} ({}) was not told: {error}", channel.format.as_str(), channel.url));
                }
            });
        }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Notify, channel};

    #[test]
    fn an_address_in_the_open_is_refused_and_not_repeated() {
        let text = "kind = \"slack\"\nurl = \"https://hooks.example/services/T0/B0/J6w-gannet-07\"";
        let refused = channel(&toml::from_str::<Notify>(text).unwrap()).unwrap_err();
        assert!(refused.message.contains("op://vault/item/field") && !refused.message.contains("gannet"));
        let other = "kind = \"mail\"\nurl = \"op://MSP/Chat/address\"";
        assert!(toml::from_str::<Notify>(other).is_err());
    }
}

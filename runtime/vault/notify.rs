//! Telling people elsewhere that a request waits. The address of a channel is a secret: whoever has it can write there, so
//! it is resolved here, sent from here, and nothing of an answer but its status is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_approval::{Notice, NoticeFormat};
use claviger_grant::EndpointPlan;
use claviger_manifest::{OriginTemplate, SecretReference};
use ipnet::IpNet;

use crate::body::EncodedBody;
use crate::exchange::{Message, OwnRoute};
use crate::failure::FailureKind;
use crate::inject::Placement;
use crate::pool::Pool;
use crate::provider::ProviderError;
use crate::providers::Providers;
use crate::reveal::Secret;
use crate::trust::Trust;

/// The most time for one message. Nobody waits for it, and the question it is about stands for two minutes.
const TIME: Duration = Duration::from_secs(10);

/// The longest answer, in bytes: Slack says `ok`, ntfy repeats the message.
const ANSWER: u64 = 64 * 1024;

/// Where people are told.
#[derive(Clone, Debug)]
pub struct Channel {
    /// How it wants to be told.
    pub format: NoticeFormat,
    /// What its address is kept under.
    pub url: SecretReference,
    /// A private certificate authority, PEM text; the public ones otherwise.
    pub ca: Option<String>,
    /// Private ranges that it may be in.
    pub networks: Vec<IpNet>,
}

/// Why nobody was told. Safe to print: it names the reference, never the address.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The reference did not resolve.
    #[error("its address did not resolve: {0}")]
    Unresolved(#[from] ProviderError),
    /// What is kept there is no address.
    #[error("what is kept there is no https address with a path; store the whole address that the receiver gave")]
    NotAnAddress,
    /// It could not be sent.
    #[error("{0}")]
    Unsent(#[from] FailureKind),
    /// The receiver refused it.
    #[error("the receiver answered {0}; see whether its address was revoked or changed")]
    Status(u16),
}

/// Sends notices. Nothing that comes back decides anything.
#[derive(Clone, Debug)]
pub struct Notifier {
    providers: Providers,
    trust: Arc<Trust>,
}

impl Notifier {
    pub(crate) fn new(providers: Providers, trust: Arc<Trust>) -> Self {
        Self { providers, trust }
    }

    /// Sends one notice, once. A message that may have arrived is not repeated.
    ///
    /// # Errors
    /// [`NotifyError`]: why nobody was told.
    pub async fn send(&self, channel: &Channel, notice: &Notice) -> Result<(), NotifyError> {
        // Its own time: a provider that asks a person must not hold a message back until it is old.
        let resolved = tokio::time::timeout(TIME, self.providers.resolve(&channel.url)).await;
        let url = resolved.map_err(|_| FailureKind::Slow(TIME.as_secs()))??.value;
        let (endpoint, target) = address(&url, channel)?;
        let body =
            EncodedBody { bytes: notice.body(channel.format).into(), content_type: channel.format.content_type() };
        let placement = Placement { target: Some(target), ..Placement::default() };
        let message = Message {
            method: "POST",
            path: "",
            query: "",
            headers: &channel.format.headers(),
            body: Some(&body),
            placement: &placement,
        };
        match self.route(endpoint).send(&message).await?.status {
            status if status.is_success() => Ok(()),
            status => Err(NotifyError::Status(status.as_u16())),
        }
    }

    fn route(&self, endpoint: EndpointPlan) -> OwnRoute {
        OwnRoute {
            endpoint,
            trust: Arc::clone(&self.trust),
            identity: None,
            pool: Pool::default(),
            redirects: Vec::new(),
            limit: ANSWER,
            time: TIME,
        }
    }
}

/// The two halves of an address: where to connect to, and the target, which is the secret half.
fn address(url: &Secret, channel: &Channel) -> Result<(EndpointPlan, Secret), NotifyError> {
    let wrong = || NotifyError::NotAnAddress;
    // EXPOSE: cut in two. The first half is a host name, and is not printed either; the second is wrapped again at once.
    let text = std::str::from_utf8(url.expose()).map_err(|_| wrong())?.trim_end();
    let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
    let (authority, _) = rest.split_once('/').ok_or_else(wrong)?;
    let (origin, target) = text.split_at_checked(text.len() - rest.len() + authority.len()).ok_or_else(wrong)?;
    // A fragment is never sent; with one, this is some other kind of link.
    if target.len() < 2 || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(wrong());
    }
    let template: OriginTemplate = origin.parse().map_err(|_| wrong())?;
    let origin = template.render(&BTreeMap::new()).map_err(|_| wrong())?;
    let endpoint = EndpointPlan::of_the_host(origin, channel.ca.clone(), channel.networks.clone());
    Ok((endpoint, Secret::new(target.as_bytes().to_vec())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_approval::NoticeFormat;

    use super::{Channel, NotifyError, address};
    use crate::reveal::Secret;

    fn cut(url: &str) -> Result<(String, Vec<u8>), NotifyError> {
        let reference = "op://MSP/Chat/address".parse().unwrap();
        let channel = Channel { format: NoticeFormat::Slack, url: reference, ca: None, networks: Vec::new() };
        let (endpoint, target) = address(&Secret::new(url.as_bytes().to_vec()), &channel)?;
        Ok((endpoint.origin.to_string(), target.expose().to_vec()))
    }

    #[test]
    fn an_address_is_cut_between_what_is_dialled_and_what_is_secret() {
        for (url, origin, target) in [
            ("https://hooks.example/services/T0/B0/x\n", "https://hooks.example", "/services/T0/B0/x"),
            ("https://flows.example:8443/w?sig=a%2Bb", "https://flows.example:8443", "/w?sig=a%2Bb"),
        ] {
            assert_eq!(cut(url).unwrap(), (origin.to_owned(), target.as_bytes().to_vec()));
        }
    }

    #[test]
    fn what_is_no_such_address_is_not_sent_to() {
        for url in [
            "http://hooks.example/x",
            "https://hooks.example",
            "https://hooks.example/",
            "https://user@hooks.example/x",
            "https://{host}/x",
            "https://hooks.example/x y",
            "https://hooks.example/x#y",
            "https://hooks.example/x\r\nhost: evil.example",
            "hooks.example/x",
            "",
        ] {
            assert!(matches!(cut(url), Err(NotifyError::NotAnAddress)), "{url}");
        }
    }
}

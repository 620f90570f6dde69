//! A browser with an authenticator of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::emulation::{SetDeviceMetricsOverrideParams, SetTouchEmulationEnabledParams};
use chromiumoxide::cdp::browser_protocol::web_authn::{
    AddCredentialParams, AddVirtualAuthenticatorParams, AuthenticatorId, AuthenticatorProtocol, AuthenticatorTransport,
    Credential, EnableParams, GetCredentialsParams, SetUserVerifiedParams, VirtualAuthenticatorOptions,
};
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

/// Debian's. `cargo xtask test` installs it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// How long a page may take to come to a state: the machine is small and does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A browser without a profile, and its open page.
pub(crate) struct Chromium {
    browser: Browser,
    _profile: tempfile::TempDir,
    handler: tokio::task::JoinHandle<()>,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with switches, without their hyphens.
    pub(crate) async fn start_with(switches: &[String]) -> Self {
        assert!(
            Path::new(CHROMIUM).exists(),
            "these tests need a browser: `apt-get install chromium`, or `cargo xtask setup`, which does it"
        );
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(CHROMIUM)
            .no_sandbox()
            .new_headless_mode()
            .user_data_dir(profile.path())
            .launch_timeout(PATIENCE * 2)
            .window_size(1280, 900)
            .viewport(None)
            .args(["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"])
            .args(["disable-component-update", "disable-sync", "disable-dev-shm-usage"])
            .args(switches.iter().map(String::as_str))
            .build()
            .unwrap();
        let (browser, mut events) = Browser::launch(config).await.unwrap();
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        Self { browser, _profile: profile, handler }
    }

    /// A tab with an authenticator that verifies its user.
    pub(crate) async fn tab(&self) -> Tab {
        let page = self.browser.new_page("about:blank").await.unwrap();
        page.execute(EnableParams::default()).await.unwrap();
        let mut options =
            VirtualAuthenticatorOptions::new(AuthenticatorProtocol::Ctap2, AuthenticatorTransport::Internal);
        options.has_user_verification = Some(true);
        options.is_user_verified = Some(true);
        options.has_resident_key = Some(true);
        options.automatic_presence_simulation = Some(true);
        let added = page.execute(AddVirtualAuthenticatorParams::new(options)).await.unwrap();
        Tab { page, authenticator: added.result.authenticator_id.clone() }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The browser itself is ended by its own handle, which kills on drop.
        self.handler.abort();
    }
}

/// An open tab.
pub(crate) struct Tab {
    pub(crate) page: Page,
    authenticator: AuthenticatorId,
}

impl Tab {
    /// Goes somewhere and waits until the page's script has run.
    pub(crate) async fn open(&self, address: &str) {
        self.page.goto(address).await.unwrap();
    }

    /// What an expression gives.
    pub(crate) async fn eval<T: DeserializeOwned>(&self, expression: &str) -> T {
        let value = self.page.evaluate(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
        value.into_value().unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let begin = Instant::now();
        let asked = format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()");
        loop {
            // A page that is being left answers nothing.
            let now = self.page.evaluate(asked.as_str()).await;
            if now.is_ok_and(|value| value.into_value::<bool>().unwrap_or_default()) {
                return;
            }
            if begin.elapsed() > PATIENCE {
                panic!("{expression} never came true; the page says: {}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All that a person reads on it.
    pub(crate) async fn text(&self) -> String {
        self.eval("document.body.innerText").await
    }

    /// Waits until a question can be answered.
    pub(crate) async fn ready(&self) {
        self.until("document.querySelector('main').dataset.state === 'open'").await;
    }

    /// Waits until the page says something.
    pub(crate) async fn says(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", serde_json::to_string(text).unwrap())).await;
    }

    /// Clicks where a person would, when there is something to click on.
    pub(crate) async fn click(&self, selector: &str) {
        let there = format!("document.querySelector('{selector}') && !document.querySelector('{selector}').disabled");
        // A tab in the background draws nothing that could be clicked on.
        self.page.bring_to_front().await.unwrap();
        let begin = Instant::now();
        loop {
            self.until(&there).await;
            // A page that was replaced meanwhile has another node.
            let clicked = match self.page.find_element(selector).await {
                Ok(element) => element.click().await.map(|_| ()),
                Err(gone) => Err(gone),
            };
            match clicked {
                Ok(()) => return,
                Err(error) => assert!(begin.elapsed() < PATIENCE, "{selector}: {error}"),
            }
        }
    }

    /// Writes into a field.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.until(&format!("(document.querySelector('{selector}').value = '{text}') === '{text}'")).await;
    }

    /// Makes a phone of it: small, dense, with a screen that is touched.
    pub(crate) async fn is_a_phone(&self) {
        self.page.execute(SetDeviceMetricsOverrideParams::new(390, 844, 2.0, true)).await.unwrap();
        self.page.execute(SetTouchEmulationEnabledParams::new(true)).await.unwrap();
    }

    /// Whether the authenticator recognises its user from now on.
    pub(crate) async fn verifies_user(&self, does: bool) {
        self.page.execute(SetUserVerifiedParams::new(self.authenticator.clone(), does)).await.unwrap();
    }

    /// The authenticator's credentials, private halves included: it is a virtual one.
    pub(crate) async fn credentials(&self) -> Vec<Credential> {
        let got = self.page.execute(GetCredentialsParams::new(self.authenticator.clone())).await.unwrap();
        got.result.credentials.clone()
    }

    /// Puts the same credentials behind this tab: its authenticator is the same person's.
    pub(crate) async fn take(&self, credentials: &[Credential]) {
        for credential in credentials {
            let add = AddCredentialParams::new(self.authenticator.clone(), credential.clone());
            self.page.execute(add).await.unwrap();
        }
    }
}

//! The baseline: a direct request with `reqwest`.

use std::net::SocketAddr;

/// A client with the house's own connection policy: no proxy, no redirects, a connection for each call.
pub(crate) struct Direct {
    client: reqwest::Client,
    url: String,
}

impl Direct {
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        // `reqwest` is built without a provider of its own, so that it uses the one that the house uses.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .http1_only()
            .build()
            .unwrap();
        Self { client, url: format!("http://{upstream}/get") }
    }

    /// One request, its body read.
    pub(crate) async fn get(&self) {
        let answer = self.client.get(&self.url).header("x-api-key", "0123456789abcdef").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    }
}

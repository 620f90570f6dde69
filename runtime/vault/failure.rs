//! Why an action was not done, or its answer not given. Every text is safe to log and safe for a model.

use claviger_manifest::Name;

use crate::address::AddressDenied;
use crate::provider::ProviderError;

/// A failed action. `left_host` says whether bytes of the request may have reached the upstream: then a write may have
/// happened, and repeating it is the caller's decision, not the host's.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether the request may have reached the upstream.
    pub left_host: bool,
}

/// What happened.
#[derive(Debug, thiserror::Error)]
pub enum FailureKind {
    /// A reference did not resolve.
    #[error("secret {secret} did not resolve: {why}")]
    Secret {
        /// The secret's name in the manifest.
        secret: Name,
        /// The provider's reason.
        why: ProviderError,
    },
    /// The value was replaced after it was approved.
    #[error(
        "the value of secret {0} was replaced after its use was approved, so it was not sent; call again, and a human is asked for the new one"
    )]
    Replaced(Name),
    /// A credential needs a slot that nothing has filled in this call.
    #[error("slot {0} holds no value in this tool call; capture or generate it first")]
    EmptySlot(Name),
    /// The operating system gave no random bytes.
    #[error("slot {0} was not generated, because the operating system gave no randomness; try again")]
    Randomness(Name),
    /// The action was granted for another connection than the tool call's.
    #[error("the action is for another connection than this tool call; begin a call on that connection")]
    OtherConnection,
    /// The value cannot be placed where the manifest says.
    #[error(
        "secret {0} holds characters that its place on the request cannot carry; check the stored value for line breaks"
    )]
    Unplaceable(Name),
    /// The secret may occur in ordinary text, and the answer would say whether it does.
    #[error(
        "secret {0} has fewer than 8 bytes and may not go with an operation whose answer reaches the plugin; make a longer one, or, if it is a name and no secret, let the manifest call it an `identifier` and the connection's [grant] list it in `identifiers`"
    )]
    Short(Name),
    /// The secret may be a word, and free text would say whether it is.
    #[error(
        "secret {0} has fewer than 16 bytes and goes only with operations whose answer is a typed projection; make a longer one, let the manifest declare a `projection` or `response = \"status\"`, or, if it is a name and no secret, an `identifier` that the connection's [grant] lists in `identifiers`"
    )]
    Guessable(Name),
    /// The same of what an upstream gave: a token, or a value of a session.
    #[error(
        "what the upstream gave credential {0} to be let in with has fewer than 16 bytes, so the credential goes only with operations whose answer is a typed projection; let the manifest declare a `projection` or `response = \"status\"`"
    )]
    GuessableMade(Name),
    /// The answer is not what a projection can be taken of.
    #[error(
        "the answer is not JSON in which every name means one thing, so nothing of it fits the operation's projection"
    )]
    Projection,
    /// A response showed this secret before.
    #[error(
        "secret {secret} is quarantined for connection {connection}, because an answer held it; look at `claviger audit log`, then `claviger quarantine lift {connection} {secret}`"
    )]
    Quarantined {
        /// The connection.
        connection: Name,
        /// The secret.
        secret: Name,
    },
    /// The address is not allowed.
    #[error(transparent)]
    Address(#[from] AddressDenied),
    /// A secret would go over the network in the clear.
    #[error(
        "the endpoint is plain http and its address is not this machine's own; the manifest's origin must be https"
    )]
    Plaintext,
    /// The name did not resolve.
    #[error("the upstream's host name did not resolve; check the connection's settings and the network")]
    Unresolved,
    /// TCP failed.
    #[error("no connection to the upstream: {0}")]
    Connect(std::io::ErrorKind),
    /// TLS failed.
    #[error("TLS to the upstream failed: {0}")]
    Tls(&'static str),
    /// A client certificate or its key is not usable.
    #[error("secret {secret} is not {why}; correct the stored value")]
    ClientCertificate {
        /// Which of the two, by its name in the manifest.
        secret: Name,
        /// What it should be.
        why: &'static str,
    },
    /// The key of a keyed signature is not written as the manifest says.
    #[error("secret {secret} is not {why}, which the credential's `key-encoding` says; correct the stored value")]
    SigningKey {
        /// Its name in the manifest.
        secret: Name,
        /// What it should be.
        why: &'static str,
    },
    /// The certificate authority in the connection file is not one.
    #[error("the connection's [endpoints] ca is not PEM text with at least one certificate")]
    Authority,
    /// HTTP failed.
    #[error("the HTTP exchange with the upstream failed: {0}")]
    Http(&'static str),
    /// The upstream was too slow.
    #[error("the upstream did not finish its answer within {0} seconds")]
    Slow(u64),
    /// The answer is too long.
    #[error(
        "the answer is longer than {0} bytes, which is what the manifest's [limits] response allows, or a token needs"
    )]
    TooLong(u64),
    /// The upstream answered with a redirect.
    #[error(
        "the upstream answered {0}, a redirect; redirects are never followed. If the service moved, the manifest's endpoint must"
    )]
    Redirected(u16),
    /// The upstream compressed its answer in a way that cannot be undone safely.
    #[error(
        "the upstream was asked for identity and sent an encoding that is unknown, broken, over two others, or made to explode; the answer was dropped unread"
    )]
    Encoded,
    /// More secrets, or more sessions, than answers can be scanned for.
    #[error(
        "this session has used more secrets, or the host has more sessions, than answers can be scanned for; end sessions that are not used, or begin a new one"
    )]
    SessionFull,
    /// The answer held a secret.
    #[error(
        "the answer held a secret and was dropped; the secret is quarantined for this connection until an operator lifts it"
    )]
    Leak,
    /// A capture rule found nothing.
    #[error("the answer has no usable value for slot {0}; if the upstream made a credential, it must be removed there")]
    Capture(Name),
    /// The captured value could not be made durable.
    #[error(
        "the new secret in slot {0} could not be written to the journal; it must be removed at the upstream. Check the disk of the state directory"
    )]
    Journal(Name),
    /// A refresh token was not used, because a newer one may be in the journal.
    #[error(
        "refresh token {0} was not used: the journal, which may hold the one that has replaced it, is locked by another process or cannot be read. Check the disk of the state directory, and try again"
    )]
    Successor(Name),
    /// A refresh token was replaced, and the new one could be kept nowhere.
    #[error(
        "the issuer has replaced refresh token {0}, and the new one could be written neither to the journal nor to its vault, so it is lost; check the disk of the state directory, authorise the client anew, and `claviger secret put --replace` the token"
    )]
    Rotated(Name),
    /// The token endpoint refused.
    #[error("the token endpoint answered {status}; check the client id and secret of credential {credential}")]
    Token {
        /// The credential.
        credential: Name,
        /// The HTTP status.
        status: u16,
    },
    /// The token endpoint's answer is not a token.
    #[error(
        "the token endpoint's answer for credential {0} is not an OAuth 2.0 access token response (RFC 6749 section 5.1)"
    )]
    TokenAnswer(Name),
    /// The log-in was refused.
    #[error("the log-in answered {status}; check what credential {credential} logs in with")]
    Login {
        /// The credential.
        credential: Name,
        /// The HTTP status.
        status: u16,
    },
    /// The log-in's answer is not what the manifest says.
    #[error(
        "the answer to the log-in of credential {0} lacks a value or the lifetime that the manifest's `values` and `lifetime` name, or a value has fewer than 8 bytes"
    )]
    LoginAnswer(Name),
    /// The log-out was refused.
    #[error("the log-out answered {0}; the session ends at the upstream by itself")]
    Logout(u16),
    /// The provider did not store the item.
    #[error("the new item was not stored: {0}; the values are kept sealed, `claviger vault recover` lists them")]
    Store(ProviderError),
    /// The item reads back differently.
    #[error(
        "the new item reads back differently from what was stored; the values are kept sealed, `claviger vault recover` lists them"
    )]
    ReadBack,
    /// The host ends, and waits for nothing any more.
    #[error("the host is shutting down; call again when it is back")]
    Ending,
    /// A body that cannot be encoded.
    #[error("the request body cannot be encoded as the operation says")]
    Body,
}

impl FailureKind {
    /// The failure of a request that never left.
    pub(crate) fn before_sending(self) -> Failure {
        Failure { kind: self, left_host: false }
    }

    /// A short, fixed word for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "secret",
            Self::EmptySlot(_) => "empty-slot",
            Self::Randomness(_) => "randomness",
            Self::OtherConnection => "other-connection",
            Self::Unplaceable(_) => "unplaceable",
            Self::Short(_) => "short",
            Self::Guessable(_) | Self::GuessableMade(_) => "guessable",
            Self::Projection => "projection",
            Self::Quarantined { .. } => "quarantined",
            Self::Address(_) => "address",
            Self::Plaintext => "plaintext",
            Self::Unresolved => "unresolved",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::ClientCertificate { .. } => "client-certificate",
            Self::SigningKey { .. } => "signing-key",
            Self::Authority => "authority",
            Self::Http(_) => "http",
            Self::Slow(_) => "slow",
            Self::TooLong(_) => "too-long",
            Self::Redirected(_) => "redirected",
            Self::Encoded => "encoded",
            Self::SessionFull => "session-full",
            Self::Leak => "leak",
            Self::Capture(_) => "capture",
            Self::Journal(_) => "journal",
            Self::Successor(_) => "successor",
            Self::Rotated(_) => "rotated",
            Self::Replaced(_) => "replaced",
            Self::Token { .. } => "token",
            Self::TokenAnswer(_) => "token-answer",
            Self::Login { .. } => "login",
            Self::LoginAnswer(_) => "login-answer",
            Self::Logout(_) => "logout",
            Self::Store(_) => "store",
            Self::ReadBack => "read-back",
            Self::Ending => "ending",
            Self::Body => "body",
        }
    }
}

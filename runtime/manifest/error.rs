//! Why a manifest is not accepted. Names in these texts were checked to be names; values are not repeated.

use crate::{Effect, Malformed, Name, ToolName};

/// Why a manifest is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The text is too long.
    #[error("the manifest is longer than {0} bytes; descriptions belong in the plugin's documentation")]
    TooLong(usize),
    /// TOML, types, unknown or duplicate keys; with line and column.
    #[error("the manifest is malformed at {0}")]
    Malformed(Malformed),
    /// A name that means nothing.
    #[error("{at} names {name}, which [{table}] does not declare; add [{table}.{name}] or correct the name")]
    Undeclared {
        /// Where, as `[operations.x] endpoint`.
        at: String,
        /// The name.
        name: Name,
        /// The table that would declare it.
        table: &'static str,
    },
    /// One name for two things.
    #[error("[secrets.{0}] and [slots.{0}] have the same name; rename one, so that a template means one thing")]
    SecretAndSlot(Name),
    /// One name for two things.
    #[error("[settings.{0}] has the name of a secret or slot; rename one, so that a template means one thing")]
    SettingAndSource(Name),
    /// A tool that understates what it does.
    #[error(
        "[tools.{tool}] effect is {declared}, but {because} is {needed}; set it to {needed} or take that out of the tool"
    )]
    Understated {
        /// The tool.
        tool: ToolName,
        /// What it says.
        declared: Effect,
        /// What it does.
        needed: Effect,
        /// What in it does that.
        because: String,
    },
    /// Another rule is broken.
    #[error("{at}: {rule}")]
    Rule {
        /// Where, as `[operations.x] headers`.
        at: String,
        /// The rule.
        rule: Rule,
    },
}

/// A rule of manifests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing to call.
    #[error("a plugin declares at least one tool")]
    NoTool,
    /// A tool that can do nothing is allowed; an item without fields is not.
    #[error("a write-back rule has at least one field")]
    NoField,
    /// Twice in a list.
    #[error("the same entry stands there twice")]
    Repeated,
    /// Text that people or models read.
    #[error("the text is empty, longer than {0} characters, or holds control or invisible formatting characters")]
    Text(usize),
    /// A key name in a trust store.
    #[error("a publisher is the name of a key: visible ASCII characters without spaces and `+`, {0} at most")]
    Publisher(usize),
    /// A header's name.
    #[error("a header name is a token (RFC 9110 §5.1) of 64 characters at most")]
    HeaderName,
    /// A header's value.
    #[error("a header value holds visible ASCII characters and spaces between them, 1024 bytes at most")]
    HeaderValue,
    /// A header that only the host sets.
    #[error("the host alone sets this header: it frames the message, names its target, or is read by intermediaries")]
    HostHeader,
    /// A header that authenticates.
    #[error("this header authenticates; put it into a credential, where its value is a secret")]
    CredentialHeader,
    /// A header that the guest must not see.
    #[error("this response header carries credentials; capture it instead")]
    SecretResponseHeader,
    /// Two writers of one header.
    #[error("the header is set by the operation's credential too, or by its scheme")]
    HeaderConflict,
    /// A query name.
    #[error("a query parameter is named by letters, digits and any of _ . $ - [ ], 64 characters at most")]
    QueryName,
    /// A parameter or a field that changes the method.
    #[error(
        "a parameter or field of this name changes the method of its request; declare an operation with that method"
    )]
    MethodOverride,
    /// Two writers of one query parameter.
    #[error("the operation's credential sets this query parameter, or the path has a parameter of the same name")]
    QueryConflict,
    /// A JSON pointer.
    #[error("a place is a JSON pointer (RFC 6901) that starts with `/`")]
    Pointer,
    /// A lent secret in a place that the plugin can write, or that is within another.
    #[error("a site for a lent secret must not overlap a pattern of `body` or another site")]
    LendOverlap,
    /// A body on a method that has none.
    #[error("GET and HEAD have no body (RFC 9110 §9.3)")]
    BodyOnGet,
    /// Depth in a form.
    #[error("a form has no depth: places have one key, as in `/name`")]
    FormDepth,
    /// A capture that claims to change nothing.
    #[error("an operation that captures a new secret is at least `write`; `mint` if it makes a credential")]
    CaptureRead,
    /// A captured slot that is also generated.
    #[error("the slot is generated; a slot is either captured or generated")]
    CaptureGenerated,
    /// A slot that nothing fills.
    #[error("no operation captures it and it has no `generate`; nothing could ever fill it")]
    Unfilled,
    /// The user part of Basic.
    #[error("a Basic user name has no `:` (RFC 7617 §2)")]
    BasicColon,
    /// A token path.
    #[error("a token path starts with `/`, has no parameters, query or fragment, and no segment `.` or `..`")]
    TokenPath,
    /// Text in a token request.
    #[error("audience and scope hold visible ASCII characters and spaces between them, 1024 bytes at most")]
    TokenText,
    /// A slot as a client credential.
    #[error("client credentials are secrets, not slots: tokens outlive the call that fills a slot")]
    SlotClient,
    /// A slot in a credential that logs out.
    #[error("a session that is logged out of takes secrets, not slots: it is ended after the call that fills a slot")]
    SlotLogout,
    /// A setting where a secret is needed.
    #[error("this authenticates; it is a secret, not a setting, which lies in the open")]
    NotASecret,
    /// A credential of constants.
    #[error("a credential names at least one secret or slot; constant headers belong to the operation")]
    NoSecret,
    /// A made value with a name that is taken.
    #[error(
        "a session's values and a signer's `signature` and `timestamp` have names that no secret, slot or setting has"
    )]
    MadeName,
    /// A parameter of a token request.
    #[error(
        "a further parameter of a token request is a text, and none of grant_type, client_id, client_secret, refresh_token, audience, scope"
    )]
    TokenParameter,
    /// A cookie's name.
    #[error("a cookie name is a token (RFC 6265 §4.1.1) of 64 characters at most")]
    CookieName,
    /// A status that a log-in may answer.
    #[error("`login-status` lists redirects that say that a log-in worked, 300 to 399; 2xx always does")]
    LoginStatus,
    /// A session of nothing.
    #[error("a session has at least one value that comes back from the log-in")]
    NoValue,
    /// A log-in that a tool could run.
    #[error("the host alone logs in and out; take the operation out of [tools], whose plugin would read the answer")]
    HostOperation,
    /// A log-in with parts that nobody fills.
    #[error(
        "a log-in has one credential, of another scheme than session or oauth2 and without slots, and neither parameters nor body fields nor captures of its own"
    )]
    LoginShape,
    /// A log-out with parts that nobody fills.
    #[error("a log-out fills every parameter of its operation's path, and the operation has no credential of its own")]
    LogoutShape,
    /// A word of AWS.
    #[error("an AWS region or service is letters, digits and any of - _ . , 64 at most")]
    AwsWord,
    /// A signature that nobody sees.
    #[error("a header of the credential names {{{{signature}}}}, and the signature is written in base64 or hex")]
    Signature,
    /// A time that one side does not know.
    #[error("{{{{timestamp}}}} stands in a header and {{timestamp}} in the message, or neither does")]
    SignedTime,
    /// A label that no reference could name.
    #[error(
        "a field label holds ASCII letters, digits, `-`, `_`, `.` and spaces between words, so that a reference can name it"
    )]
    FieldLabel,
    /// A path out of the package.
    #[error("a schema is a file of the package: `schemas/<name>.json`, the name of letters, digits and any of _ . -")]
    SchemaPath,
    /// A default that does not fit where it is used.
    #[error("with the defaults of [settings] this does not become an origin: {0}")]
    Origin(crate::OriginError),
}

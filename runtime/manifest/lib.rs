//! What does the plugin declare, and who signed it?
//!
//! A manifest is the whole capability of a plugin: its tools, the operations they may ask of an upstream, where those go,
//! which secrets they need and how those are placed. [`Manifest::parse`] accepts only manifests in which every name means
//! something. [`Package::verify`] returns [`VerifiedPackage`], the only proof that the manifest and the component are the
//! ones that a trusted publisher signed.
//!
//! Pure: no I/O, no clock, no randomness.

mod attribute;
mod check;
mod check_credential;
mod check_operation;
mod credential;
mod digest;
mod effect;
mod error;
mod field;
mod headers;
mod limits;
mod malformed;
mod manifest;
mod name;
mod note;
mod oauth;
mod operation;
mod origin;
mod origin_template;
mod package;
mod package_error;
mod path;
mod pattern;
mod plugin;
mod pointer;
mod projection;
mod publisher_key;
mod reference;
mod session;
mod signer;
mod slot;
mod template;
mod text;
mod tool;
mod trust;
mod write_back;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod check_signer_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod check_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod manifest_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod package_tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod testkit;

pub use attribute::{Attribute, Query, SshFormat};
pub use credential::{ClientCertificate, Credential, CredentialError, Scheme};
pub use digest::{Digest, DigestError};
pub use effect::Effect;
pub use error::{ManifestError, Rule};
pub use field::FieldValue;
pub use limits::{Limits, LimitsError};
pub use malformed::Malformed;
pub use manifest::Manifest;
pub use name::{Name, NameError, ToolName};
pub use oauth::{ClientAuthentication, Oauth, OauthGrant, TokenEndpoint};
pub use operation::{BodyType, CaptureSource, Method, Operation, OperationError};
pub use origin::{Host, Origin, OriginError, OriginScheme};
pub use origin_template::OriginTemplate;
pub use package::{Package, VerifiedPackage};
pub use package_error::PackageError;
pub use path::{PathSegment, PathTemplate, PathTemplateError};
pub use pattern::{BodyPattern, BodyPatternError};
pub use plugin::{Endpoint, Plugin, Secret, Setting};
pub use projection::{FieldType, Reply};
pub use publisher_key::{PublisherKey, PublisherKeyError};
pub use reference::{ReferenceError, SecretReference};
pub use session::{Lifetime, Logout, Session, SessionValue};
pub use signer::{AwsSigv4, Encoding, Hmac, HmacAlgorithm, Message, MessageError, MessagePart, Timestamp};
pub use slot::{Alphabet, Generate, GenerateError, Slot};
pub use template::{Template, TemplateError, TemplatePart};
pub use tool::Tool;
pub use trust::{TrustError, TrustStore};
pub use write_back::{TitleError, TitleTemplate, WriteBack, WriteBackField};

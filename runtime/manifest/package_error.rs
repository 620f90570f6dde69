//! Why a package is not accepted.

use crate::ManifestError;

/// Why a package is not accepted, or cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// A file is too long, or there are too many.
    #[error("{what} of the package is above the maximum of {max}; nothing of it was read")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How much is allowed.
        max: usize,
    },
    /// No signature.
    #[error("the package is not signed; its author signs it with `claviger plugin sign`")]
    Unsigned,
    /// The signature file is not a signed note.
    #[error("the package's signature is not a C2SP signed note; get the package from its publisher again")]
    NotANote,
    /// Nobody we trust.
    #[error(
        "the package is signed by {0}, which is not in the trust store; if you trust it, get its .vkey file from the publisher by another way than this package and put it into trust/"
    )]
    UnknownKey(String),
    /// The signature does not verify.
    #[error(
        "the signature of {0} does not match what it claims to sign: the signed statement was changed. Do not install it; tell the publisher"
    )]
    WrongSignature(String),
    /// Signed, but not a plugin's statement of this version.
    #[error(
        "what the publisher signed is not a statement about a plugin that this version understands; look for an update of claviger or of the plugin"
    )]
    NotAStatement,
    /// The manifest is not the signed one.
    #[error(
        "the manifest was changed after it was signed; get the package from its publisher again, or sign the new manifest"
    )]
    ManifestChanged,
    /// The component is not the signed one.
    #[error(
        "the component was changed after it was signed; get the package from its publisher again, or sign the new component"
    )]
    ComponentChanged,
    /// A schema is not the signed one.
    #[error("{0} was changed after it was signed; get the package from its publisher again, or sign the new schema")]
    SchemaChanged(String),
    /// A signed schema is not there.
    #[error("{0} is signed but missing; get the package from its publisher again")]
    SchemaMissing(String),
    /// A schema that nobody signed.
    #[error("{0} is in the package but was not signed; remove it, or sign the package with it")]
    SchemaUnsigned(String),
    /// A tool needs a schema that the package has not.
    #[error("the manifest names {0}, which the package does not have; add the file and sign again")]
    SchemaAbsent(String),
    /// The manifest breaks a rule.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Signed by a trusted key, but for another publisher.
    #[error(
        "the manifest's [plugin] publisher is {publisher}, but the package is signed by {signer}; the two must be the same name"
    )]
    Publisher {
        /// Who the manifest says it is from.
        publisher: String,
        /// Who signed it.
        signer: String,
    },
    /// The manifest is for another component.
    #[error("the manifest's [plugin] component is not the digest of this component; set it to \"{0}\" and sign again")]
    Component(crate::Digest),
    /// The statement and the manifest speak of different plugins.
    #[error("the signed statement and the manifest name different plugins or versions; sign the package again")]
    OtherPlugin,
}

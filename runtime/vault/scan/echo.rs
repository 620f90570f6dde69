//! How and where an answer shows a value: for the log and for `claviger probe`, never for a guest.

/// A class of encodings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    /// As it is.
    #[default]
    Raw,
    /// Escapes of JSON and of the languages that print like it.
    JsonEscape,
    /// Percent encoding, or `+` for a space.
    Percent,
    /// Character references of HTML and XML.
    Html,
    /// XML CDATA sections that end inside the value.
    Cdata,
    /// UTF-16, or NUL bytes in between.
    Utf16,
    /// Line breaks in between.
    Wrapped,
    /// Base64 or base64url.
    Base64,
    /// Base32.
    Base32,
    /// Hexadecimal digits, separated or not.
    Hex,
    /// A header name, which arrives in lower case.
    HeaderName,
    /// Inside gzip, deflate, brotli or zstd.
    Compressed,
}

//! What a secret reference can ask of a field or a file instead of its plain value.

/// What is asked of the field, if not just its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// `?attribute=…`
    Attribute(Attribute),
    /// `?ssh-format=…`
    SshFormat(SshFormat),
}

/// An attribute of a field or of a file attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The current one-time password. `otp`
    Otp,
    /// The current one-time password, by its other name. `totp`
    Totp,
    /// The type of the field or file. `type`
    Type,
    /// The value, as without any attribute. `value`
    Value,
    /// The identifier. `id`
    Id,
    /// The purpose of the field. `purpose`
    Purpose,
    /// The title of the field. `title`
    Title,
    /// The content of the file. `content`
    Content,
    /// The size of the file. `size`
    Size,
    /// The name of the file. `name`
    Name,
}

/// The format of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SshFormat {
    /// OpenSSH's own format. `openssh`
    Openssh,
}

impl Attribute {
    /// Every attribute, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Otp,
        Self::Totp,
        Self::Type,
        Self::Value,
        Self::Id,
        Self::Purpose,
        Self::Title,
        Self::Content,
        Self::Size,
        Self::Name,
    ];

    /// The word in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Totp => "totp",
            Self::Type => "type",
            Self::Value => "value",
            Self::Id => "id",
            Self::Purpose => "purpose",
            Self::Title => "title",
            Self::Content => "content",
            Self::Size => "size",
            Self::Name => "name",
        }
    }

    /// Whether 1Password's command line knows it and its SDKs do not.
    pub fn is_cli_only(self) -> bool {
        !matches!(self, Self::Otp | Self::Totp)
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.as_str() == word)
    }
}

impl SshFormat {
    /// The word in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openssh => "openssh",
        }
    }
}

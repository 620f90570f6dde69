//! The certificate and key by which a connection says who calls (mutual TLS, RFC 8446 §4.4.2).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use claviger_grant::CredentialPlan;
use claviger_manifest::{ClientCertificate, Name};
use rustls::ClientConfig;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::call::CallScope;
use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::reveal::Secret;
use crate::scan::Live;

/// Sessions that one identity keeps within its call: an endpoint, its token endpoint and its log-in, and room.
const SESSIONS: usize = 8;

/// One client's certificate with its key, for one tool call. The key ends with the call, and so do the sessions that were
/// opened with it: what a second call saves by resuming is not worth a private key that stays in memory.
pub(crate) struct Identity {
    presented: Arc<dyn ResolvesClientCert>,
    /// Configurations that present it, beside the ones that say whom to trust.
    configs: Mutex<Vec<(Arc<ClientConfig>, Arc<ClientConfig>)>>,
}

impl Identity {
    /// Reads both halves, and sees that they belong together. The key joins the live set in its binary form too: an echo
    /// of it may be wrapped in other lines than the vault's text.
    pub(crate) fn new(pair: &ClientCertificate, secrets: &Resolved, live: &mut Live) -> Result<Self, FailureKind> {
        let wrong = |name: &Name, why| FailureKind::ClientCertificate { secret: name.clone(), why };
        // EXPOSE: read as certificates, which the handshake sends to the peer in any case.
        let chain = certificates(secrets.find(&pair.certificate)?.expose());
        let chain = chain.ok_or_else(|| wrong(&pair.certificate, "PEM text with the client's certificate first"))?;
        // EXPOSE: read as a private key. The TLS library signs with it for as long as this call and gives it to nobody.
        let key = PrivateKeyDer::from_pem_slice(secrets.find(&pair.key)?.expose());
        let key = key.map_err(|_| wrong(&pair.key, "PEM text with a private key that is not encrypted"))?;
        live.add(&Arc::new(Secret::new(key.secret_der().to_vec())), [&pair.key]);
        // The library wipes the binary form when it has read it.
        let key = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider());
        let key = key.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong(&pair.key, "the key of the client's certificate"),
            _ => wrong(&pair.key, "an RSA, ECDSA (P-256, P-384) or Ed25519 key"),
        })?;
        Ok(Self { presented: Arc::new(SingleCertAndKey::from(key)), configs: Mutex::default() })
    }

    /// The configuration that trusts as `base` does and presents this certificate to whoever asks for one.
    pub(crate) fn config(&self, base: &Arc<ClientConfig>) -> Arc<ClientConfig> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = configs.iter().find(|(known, _)| Arc::ptr_eq(known, base)) {
            return Arc::clone(made);
        }
        let mut config = ClientConfig::clone(base);
        config.client_auth_cert_resolver = Arc::clone(&self.presented);
        // A session tells the peer who calls, so those of an identity are nobody else's.
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        let config = Arc::new(config);
        configs.push((Arc::clone(base), Arc::clone(&config)));
        config
    }
}

#[cfg(test)]
impl Identity {
    /// The key, for tests of how long it lives.
    pub(crate) fn key(&self) -> std::sync::Weak<dyn ResolvesClientCert> {
        Arc::downgrade(&self.presented)
    }
}

/// `Debug` tells nothing: what rustls prints of a key is not for us to trust.
impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

/// The client that a credential presents, made once in a call.
pub(crate) fn identity(
    plan: &CredentialPlan,
    secrets: &Resolved,
    versions: &[String],
    scope: &mut CallScope,
) -> Result<Option<Arc<Identity>>, FailureKind> {
    let Some(pair) = &plan.declaration.client_certificate else { return Ok(None) };
    if let Some(known) = scope.identity(&plan.name, versions) {
        return Ok(Some(known));
    }
    let identity = Arc::new(Identity::new(pair, secrets, &mut scope.live)?);
    scope.keep_identity(plan.name.clone(), versions.to_vec(), Arc::clone(&identity));
    Ok(Some(identity))
}

/// A client's certificate is no secret wherever it is kept. What is declared as one and holds anything else still is: an
/// author's word alone does not switch the scanner off.
pub(crate) fn is_public(plan: &CredentialPlan, name: &Name, value: &Secret) -> bool {
    let certificate = plan.declaration.client_certificate.as_ref().map(|pair| &pair.certificate);
    // EXPOSE: looked at for what it is, and for nothing of what it says.
    certificate == Some(name) && only_certificates(value.expose())
}

/// Every certificate of a PEM text; none when there is none, or one that cannot be read.
fn certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().ok()?;
    if chain.is_empty() { None } else { Some(chain) }
}

/// Whether a text is nothing but certificates, which are public: an upstream may show them, and does when it lists whom it
/// trusts. A key or a note beside them makes the whole text a secret.
fn only_certificates(text: &[u8]) -> bool {
    let (Ok(lines), Some(chain)) = (std::str::from_utf8(text), certificates(text)) else { return false };
    let mut inside = false;
    let mut ended = 0_usize;
    let plain = lines.lines().map(str::trim).all(|line| match line {
        "-----BEGIN CERTIFICATE-----" => !std::mem::replace(&mut inside, true),
        "-----END CERTIFICATE-----" => {
            ended += 1;
            std::mem::replace(&mut inside, false)
        }
        line => inside || line.is_empty(),
    });
    let readable = chain.iter().all(|certificate| rustls::server::ParsedCertificate::try_from(certificate).is_ok());
    plain && !inside && ended == chain.len() && readable
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use claviger_manifest::{ClientCertificate, Name};

    use super::{Identity, only_certificates};
    use crate::failure::FailureKind;
    use crate::inject::Resolved;
    use crate::reveal::Secret;
    use crate::scan::Live;
    use crate::trust::Trust;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// A certificate and its key, PEM text.
    fn pair() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn identity(certificate: &str, key: &str, live: &mut Live) -> Result<Identity, FailureKind> {
        let mut secrets = Resolved::default();
        for (label, text) in [("certificate", certificate), ("client-key", key)] {
            secrets.add(name(label), Arc::new(Secret::new(text.as_bytes().to_vec())), label == "client-key");
        }
        let pair = ClientCertificate { certificate: name("certificate"), key: name("client-key") };
        Identity::new(&pair, &secrets, live)
    }

    #[test]
    fn each_way_to_go_wrong_names_the_secret_and_quotes_nothing() {
        let ((certificate, key), (_, other)) = (pair(), pair());
        let broken = key.replace("\n-----END", "kR7v\n-----END");
        for (certificate, key, secret, words) in [
            ("", key.as_str(), "certificate", "certificate first"),
            (
                "-----BEGIN CERTIFICATE-----\nkR7v!\n-----END CERTIFICATE-----\n",
                &key,
                "certificate",
                "certificate first",
            ),
            (&key, &key, "certificate", "certificate first"),
            (&certificate, "kR7vQ2pXw9LmZt4Yb8NcJ6HfGd3", "client-key", "not encrypted"),
            (&certificate, &certificate, "client-key", "not encrypted"),
            (&certificate, &broken, "client-key", "Ed25519 key"),
            (&certificate, &other, "client-key", "key of the client's"),
        ] {
            let failure = identity(certificate, key, &mut Live::alone()).unwrap_err();
            let text = format!("{failure} {failure:?}");
            assert!(text.contains(&format!("secret {secret} ")) && text.contains(words), "{text}");
            assert!(!text.contains("kR7v"), "{text}");
        }
    }

    #[test]
    fn an_echo_of_the_key_is_found_however_it_is_wrapped() {
        let (certificate, key) = pair();
        let mut live = Live::alone();
        identity(&certificate, &key, &mut live).unwrap();
        let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
        for echo in [body.clone(), serde_json::json!({ "key": body }).to_string()] {
            assert_eq!(live.leaks(echo.as_bytes()).len(), 1, "{echo}");
        }
        assert!(live.leaks(certificate.as_bytes()).is_empty(), "a certificate is public");
    }

    #[test]
    fn a_configuration_is_made_once_and_keeps_its_own_sessions() {
        let (certificate, key) = pair();
        let (one, other) = (
            identity(&certificate, &key, &mut Live::alone()).unwrap(),
            identity(&certificate, &key, &mut Live::alone()).unwrap(),
        );
        let base = Trust::default().config(None, &[]).unwrap();
        assert!(Arc::ptr_eq(&one.config(&base), &one.config(&base)));
        assert!(!Arc::ptr_eq(&one.config(&base), &other.config(&base)));
        assert!(one.config(&base).client_auth_cert_resolver.has_certs() && !base.client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn only_certificates_are_public() {
        let ((certificate, key), (other, _)) = (pair(), pair());
        assert!(
            only_certificates(certificate.as_bytes())
                && only_certificates(format!("{certificate}\r\n{other}").as_bytes())
        );
        for text in [
            String::new(),
            key.clone(),
            format!("{certificate}{key}"),
            format!("password: kR7vQ2pXw9Lm\n{certificate}"),
            certificate.replace("-----END CERTIFICATE-----", ""),
            "-----BEGIN CERTIFICATE-----\na1I3dlEycFh3OUxt\n-----END CERTIFICATE-----\n".to_owned(),
        ] {
            assert!(!only_certificates(text.as_bytes()), "{text}");
        }
    }
}

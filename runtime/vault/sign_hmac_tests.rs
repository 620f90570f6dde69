#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claviger_manifest::{Encoding, Hmac, HmacAlgorithm, MessagePart, Timestamp};
use hmac::KeyInit as _;
use sha2::{Sha256, Sha512};

use super::{hashed, sign, written};
use crate::failure::FailureKind;
use crate::inject::Resolved;
use crate::reveal::Secret;
use crate::scan::Live;
use crate::sign::{Signed, Unsigned};

/// RFC 4231 §4: key, data, and the two codes. Case 5 is a truncated code, which nothing here makes.
const RFC_4231: [(&[u8], &[u8], &str, &str); 6] = [
    (
        &[0x0b; 20],
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        &[0xaa; 20],
        &[0xdd; 50],
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    (
        &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        ],
        &[0xcd; 50],
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    (
        &[0xaa; 131],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    (
        &[0xaa; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
];

fn request(body: &[u8]) -> Unsigned<'_> {
    let (host, path, query) = ("api.example.com:8443", "/v1/a%20b", "x=1&y=2");
    Unsigned { scheme: "https", method: "PUT", host, path, query, headers: &[], body }
}

#[test]
fn the_vectors_of_the_standard() {
    for (key, data, sha256, sha512) in RFC_4231 {
        let body = [MessagePart::Body];
        let code = hashed(<hmac::Hmac<Sha256>>::new_from_slice(key), &body, &request(data), "").unwrap();
        assert_eq!(hex::encode(code), sha256);
        let code = hashed(<hmac::Hmac<Sha512>>::new_from_slice(key), &body, &request(data), "").unwrap();
        assert_eq!(hex::encode(code), sha512);
    }
}

fn scheme(key_encoding: Encoding, signature: Encoding) -> Hmac {
    let message = "v1\n{method}\n{host}{path}?{query}\n{timestamp}\n{body-sha256}".to_owned().try_into().unwrap();
    let (algorithm, timestamp) = (HmacAlgorithm::Sha256, Timestamp::Unix);
    Hmac { algorithm, key: "key".parse().unwrap(), key_encoding, message, signature, timestamp }
}

fn signed(scheme: &Hmac, key: &str, live: &mut Live) -> Result<Signed, FailureKind> {
    let mut secrets = Resolved::default();
    secrets.add("key".parse().unwrap(), Arc::new(Secret::new(key.as_bytes().to_vec())), true);
    sign(scheme, &secrets, &request(b"{\"a\":1}"), then(), live)
}

fn then() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(784_111_777_250)
}

/// What was signed, made again by hand.
const MESSAGE: &[u8] = b"v1\nPUT\napi.example.com:8443/v1/a%20b?x=1&y=2\n784111777\n015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";

fn expected(key: &[u8]) -> Vec<u8> {
    use hmac::Mac as _;
    let mut mac = <hmac::Hmac<Sha256>>::new_from_slice(key).unwrap();
    mac.update(MESSAGE);
    mac.finalize().into_bytes().to_vec()
}

#[test]
fn a_message_is_made_of_the_request_and_a_key_is_read_as_it_is_written() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let key = b"kR7vQ2pXw9LmZt4Yb8Nc\xff";
    for (encoding, text) in [(Encoding::Base64, BASE64_STANDARD.encode(key)), (Encoding::Hex, hex::encode(key))] {
        let made = signed(&scheme(encoding, Encoding::Hex), &text, &mut Live::default()).unwrap();
        let [(signature, value), (timestamp, time)] = made.values.try_into().ok().unwrap();
        assert_eq!((signature.as_str(), timestamp.as_str()), ("signature", "timestamp"));
        assert_eq!(value.expose(), hex::encode(expected(key)).as_bytes());
        assert_eq!(time.expose(), b"784111777");
    }
    let text = "kR7vQ2pXw9LmZt4Yb8Nc";
    let made = signed(&scheme(Encoding::Text, Encoding::Base64), text, &mut Live::default()).unwrap();
    assert_eq!(made.values.first().unwrap().1.expose(), BASE64_STANDARD.encode(expected(text.as_bytes())).as_bytes());
}

#[test]
fn a_key_that_is_written_otherwise_is_named_and_not_quoted() {
    for (encoding, text) in [(Encoding::Base64, "kR7vQ2pXw9L"), (Encoding::Hex, "kR7vQ2pXw9Lm"), (Encoding::Hex, "abc")]
    {
        let failure = signed(&scheme(encoding, Encoding::Hex), text, &mut Live::default()).err().unwrap();
        assert!(matches!(&failure, FailureKind::SigningKey { secret, .. } if secret.as_str() == "key"), "{failure:?}");
        assert!(!format!("{failure} {failure:?}").contains("kR7v"));
    }
}

#[test]
fn signature_and_key_bytes_are_secrets_in_every_spelling() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let mut live = Live::default();
    let key = b"kR7vQ2pXw9LmZt4Yb8Nc";
    signed(&scheme(Encoding::Base64, Encoding::Base64), &BASE64_STANDARD.encode(key), &mut live).unwrap();
    let code = expected(key);
    for echo in
        [hex::encode(&code), BASE64_STANDARD.encode(&code), String::from_utf8(key.to_vec()).unwrap(), hex::encode(key)]
    {
        assert_eq!(live.leaks(echo.as_bytes()).len(), 1, "{echo}");
    }
    assert!(live.leaks(b"784111777 v1 PUT api.example.com:8443").is_empty());
}

#[test]
fn times_are_written_as_the_manifest_says() {
    for (format, text) in [
        (Timestamp::Unix, "784111777"),
        (Timestamp::UnixMilliseconds, "784111777250"),
        (Timestamp::Rfc3339, "1994-11-06T08:49:37Z"),
        // The example of RFC 9110 §5.6.7.
        (Timestamp::HttpDate, "Sun, 06 Nov 1994 08:49:37 GMT"),
    ] {
        assert_eq!(written(format, then()).unwrap(), text);
    }
}

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Message, USER_AGENT, acceptable, joined, own_headers, target};
use crate::failure::FailureKind;
use crate::inject::Placement;
use crate::reveal::Secret;

#[test]
fn only_answers_that_can_be_read_are_acceptable() {
    let with = |name: &'static str, value: &'static str| {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    };
    for (name, value) in [
        ("content-encoding", "Identity"),
        ("content-encoding", "x-gzip"),
        ("content-encoding", "identity, br"),
        ("transfer-encoding", "chunked"),
        ("x", "gzip"),
    ] {
        assert!(acceptable(StatusCode::OK, &[], &with(name, value)).is_ok(), "{name}: {value}");
    }
    for (name, value) in [
        ("content-encoding", "compress"),
        ("content-encoding", "gzip, gzip, gzip"),
        ("content-encoding", "x"),
        ("content-encoding", ""),
        ("transfer-encoding", "gzip, chunked"),
    ] {
        assert!(matches!(acceptable(StatusCode::OK, &[], &with(name, value)), Err(FailureKind::Encoded)), "{value}");
    }
    for status in [300, 301, 302, 303, 305, 307, 308, 399] {
        let refused = acceptable(StatusCode::from_u16(status).unwrap(), &[], &HeaderMap::new());
        assert!(matches!(refused, Err(FailureKind::Redirected(same)) if same == status));
    }
    for status in [200, 204, 304, 400, 401, 404, 429, 500, 503] {
        assert!(acceptable(StatusCode::from_u16(status).unwrap(), &[], &HeaderMap::new()).is_ok());
    }
    assert!(acceptable(StatusCode::FOUND, &[302], &HeaderMap::new()).is_ok());
    assert!(acceptable(StatusCode::FOUND, &[303], &HeaderMap::new()).is_err());
    assert!(acceptable(StatusCode::SWITCHING_PROTOCOLS, &[], &HeaderMap::new()).is_err());
}

#[test]
fn the_hosts_own_headers_take_the_place_of_others() {
    let mut headers = HeaderMap::new();
    for name in ["host", "accept-encoding", "user-agent"] {
        headers.append(name, HeaderValue::from_static("evil.example"));
        headers.append(name, HeaderValue::from_static("gzip"));
    }
    own_headers(&mut headers, "api.example".to_owned()).unwrap();
    let all = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
    assert_eq!(all("host"), ["api.example"]);
    assert_eq!(all("accept-encoding"), ["identity"]);
    assert_eq!(all("user-agent"), [USER_AGENT]);
}

#[test]
fn the_target_has_the_query_and_then_the_key() {
    let built = |query: &str, key: Option<&str>| {
        let placement =
            Placement { headers: Vec::new(), query: key.map(|key| Secret::new(key.as_bytes().to_vec())), target: None };
        let message = Message { method: "GET", path: "/a/b", query, headers: &[], body: None, placement: &placement };
        target(&message).unwrap().to_string()
    };
    assert_eq!(built("", None), "/a/b");
    assert_eq!(built("x=1", None), "/a/b?x=1");
    assert_eq!(built("", Some("k=2")), "/a/b?k=2");
    assert_eq!(built("x=1", Some("k=2")), "/a/b?x=1&k=2");
}

#[test]
fn pieces_are_joined_in_order() {
    let pieces: Vec<Vec<u8>> = (0_u8..50).map(|byte| vec![byte; usize::from(byte)]).collect();
    let whole = pieces.iter().fold(Bytes::new(), |whole, piece| joined(whole, Bytes::from(piece.clone()), 7));
    assert_eq!(whole, pieces.concat());
}

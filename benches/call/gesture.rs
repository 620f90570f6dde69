//! What a person waits for after the passkey has answered: from the answer's way out of the browser until the request
//! arrives at the upstream. The page, the desk, the log and the vault are the real ones; the log is durable.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Instant, SystemTime};

use claviger::approval::{Desk, Enrolled};
use claviger::audit::Durability;
use claviger::server::{Link, Origin, Place, Tickets, Web};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::direct::Direct;
use crate::house::House;
use crate::person::Person;
use crate::table::{micros, percentile, say};

/// Gestures that are timed: fewer than the page takes from one address in its window, two posts each.
const GESTURES: usize = 50;

/// What the upstream says to everything.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

/// Measures and prints.
pub(crate) fn print(runtime: &Runtime) {
    let (upstream, arrivals) = upstream();
    let direct = Direct::new(upstream);
    let (mut alone, mut approved) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let (house, mut person) = Approving::begin(upstream).await;
        for _ in 0..GESTURES {
            let began = Instant::now();
            direct.get().await;
            alone.push(arrivals.recv().unwrap() - began);
            let (answered, ()) = tokio::join!(person.approve(), house.call("get"));
            approved.push(arrivals.recv().unwrap() - answered);
        }
    });
    say("\n| until the request arrives at the upstream | p50 µs | p99 µs |");
    say("|---|---|---|");
    for (name, times) in
        [("direct request (`reqwest`)", &mut alone), ("from a passkey's answer, log durable", &mut approved)]
    {
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        say(&format!("| {name} | {:.1} | {:.1} |", micros(p50), micros(p99)));
    }
}

/// Answers each connection once, and tells when its first bytes were there.
fn upstream() -> (SocketAddr, Receiver<Instant>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrivals) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A request of a bench is one segment.
            let length = stream.read(&mut [0; 8 * 1024]).unwrap();
            let arrived = Instant::now();
            stream.write_all(ANSWER).unwrap();
            if length == 0 || sender.send(arrived).is_err() {
                break;
            }
        }
    });
    (address, arrivals)
}

/// A person with the approval page open, who answers what is asked.
struct Approving {
    person: Person,
    client: Client,
    origin: String,
    cookie: String,
    links: UnboundedReceiver<Link>,
    _page: Web,
}

impl Approving {
    async fn begin(upstream: SocketAddr) -> (House, Self) {
        let port = free_port();
        let origin = Origin::new("claviger.localhost", port).unwrap();
        let (written, tickets) = (origin.to_string(), Tickets::new([0x17; 32]));
        let ticket = tickets.issue(SystemTime::now()).unwrap();
        let person = Person::new(&written);
        let enrolled = Enrolled::new([person.enrolment()]).unwrap();
        let counting = enrolled.clone();
        let roll = Arc::new(move || Some(counting.clone()));
        let page = Web::start(Place::here(origin), tickets, roll).await.unwrap();
        let (sender, links) = tokio::sync::mpsc::unbounded_channel();
        let summon = Arc::new(move |link: &Link| drop(sender.send(link.clone())));
        let desk = Desk::new(Box::new(page.approver(summon)), enrolled);
        let house = House::asking(upstream, Durability::Synced, |_| desk).await;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let client = Client::builder().no_proxy().resolve("claviger.localhost", here).http1_only().build().unwrap();
        let mut this = Self { person, client, origin: written, cookie: String::new(), links, _page: page };
        let entered = this.post("/enter", "", &json!({ "ticket": ticket })).await;
        let cookie = entered.headers().get("set-cookie").unwrap().to_str().unwrap();
        this.cookie = cookie.split(';').next().unwrap().to_owned();
        (house, this)
    }

    /// What a browser posts from the page itself.
    async fn post(&self, path: &str, token: &str, body: &Value) -> reqwest::Response {
        let posted = self.client.post(format!("{}{path}", self.origin)).header("origin", &self.origin);
        let posted = posted.header("sec-fetch-site", "same-origin").header("content-type", "application/json");
        let posted = posted.header("cookie", &self.cookie).header("x-claviger-token", token);
        let answer = posted.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer
    }

    /// Waits for a question and answers it; gives when the answer was on its way.
    async fn approve(&mut self) -> Instant {
        let page = self.links.recv().await.unwrap().page;
        let shown = self.client.get(&page).header("cookie", &self.cookie).send().await.unwrap().text().await.unwrap();
        let token = shown.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap();
        let path = page.strip_prefix(&self.origin).unwrap();
        let begun = self.post(&format!("{path}/begin"), token, &json!({ "choice": "once" })).await;
        let begun: Value = serde_json::from_str(&begun.text().await.unwrap()).unwrap();
        let challenge: claviger_approval::Base64Url = begun["challenge"].as_str().unwrap().parse().unwrap();
        let given = self.person.sign(challenge.as_bytes());
        let given = json!({
            "credentialId": given.credential_id, "authenticatorData": given.authenticator_data,
            "clientDataJson": given.client_data_json, "signature": given.signature,
        });
        let answered = Instant::now();
        self.post(&format!("{path}/finish"), token, &given).await;
        answered
    }
}

/// A port that is free on both loopback addresses, as the page wants it.
fn free_port() -> u16 {
    loop {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        if TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

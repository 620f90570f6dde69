//! The arguments of `claviger audit`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::audit_filter::LogFilter;
use crate::audit_forms::Form;

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Show entries
    Log {
        /// How many of the newest
        #[arg(long, default_value_t = 20)]
        last: usize,
        #[command(flatten)]
        filter: LogFilter,
        /// Go on showing entries as they are written
        #[arg(long)]
        follow: bool,
    },
    /// Verify the log, an export of it, or the proof of one entry; names the first bad entry
    Verify(Verify),
    /// Have the log's checkpoint signed by others, or sign that of another log
    #[command(subcommand)]
    Witness(Witness),
    /// What was used for which client, by whom, approved how; how often people were asked
    Report {
        #[command(flatten)]
        filter: LogFilter,
        /// Write it as a page with pictures
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Write one entry with the proof that it is in the log, for someone who may not see the rest
    Prove {
        /// The entry's number
        entry: u64,
        /// The file to make
        out: PathBuf,
    },
    /// Write a self-contained bundle that anyone can verify
    Export {
        /// The directory, or file, to make
        out: PathBuf,
        /// In which form
        #[arg(long, value_enum, default_value_t)]
        format: Form,
    },
}

#[derive(Args)]
pub(crate) struct Verify {
    /// An exported bundle, or a file that `prove` wrote [default: the state directory's own log]
    pub(crate) bundle: Option<PathBuf>,
    /// The verification key to check against, from a place that the log's keeper does not control
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// A checkpoint of the log that was kept elsewhere; a log that was rolled back or forked disagrees with it
    #[arg(long, value_name = "FILE")]
    pub(crate) other: Vec<PathBuf>,
    /// The key of a witness that must have signed the own log's, or one of the other, checkpoints
    #[arg(long, value_name = "FILE")]
    pub(crate) witness: Vec<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Witness {
    /// Make a witness's key
    Key {
        /// The witness's name, as in witness.example/w1
        name: String,
        /// The file to make; the public key goes beside it, as .pub
        #[arg(long)]
        out: PathBuf,
    },
    /// Print what a witness is asked (C2SP tlog-witness, the body of add-checkpoint)
    Request {
        /// How many entries the witness has seen
        #[arg(long, default_value_t = 0)]
        old: u64,
    },
    /// As a witness: answer requests over HTTP until it is asked to end (C2SP tlog-witness)
    Serve {
        #[command(flatten)]
        desk: WitnessDesk,
        /// Where to listen; anybody who reaches it may ask
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7447")]
        listen: SocketAddr,
    },
    /// Have a witness sign the log's present checkpoint over HTTP, and keep its answer
    Submit {
        /// The witness's address, to which /add-checkpoint is added; without TLS only on this machine
        #[arg(long)]
        url: String,
        /// The witness's public key
        #[arg(long, value_name = "FILE", required = true)]
        witness: Vec<PathBuf>,
        /// The certificate authority to trust instead of the public ones, PEM
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// A private range that the witness may be in, as 10.0.0.0/8
        #[arg(long, value_name = "CIDR")]
        network: Vec<String>,
    },
    /// As a witness: read a request, print the signature if the log only grew
    Cosign(WitnessDesk),
    /// Read a witness's answer and keep it with the checkpoint
    Accept {
        /// The witness's public key
        #[arg(long, value_name = "FILE", required = true)]
        witness: Vec<PathBuf>,
    },
}

/// Who a witness is, and what it has signed.
#[derive(Args)]
pub(crate) struct WitnessDesk {
    /// The witness's name
    #[arg(long)]
    pub(crate) name: String,
    /// Its key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The log's public key
    #[arg(long, value_name = "FILE")]
    pub(crate) log: PathBuf,
    /// Where this witness keeps the checkpoint of this log that it signed last
    #[arg(long, value_name = "FILE")]
    pub(crate) seen: PathBuf,
}

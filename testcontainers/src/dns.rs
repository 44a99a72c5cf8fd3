//! The name server of the native stack: answers for the platform's names as Docker's embedded
//! server would, so that services and load find each other the way they do in production.
//!
//! Known name: A with Docker's TTL; any other type is an empty answer without an error. Unknown name:
//! NXDOMAIN at once. Docker would forward an unknown name upstream; here nothing is upstream, and
//! forwarding would make a typing error cost seconds instead of microseconds.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    thread,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, LowerName, Name, RData, Record, RecordType, rdata::A},
};
use hickory_server::{
    Server,
    net::runtime::Time,
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::oneshot,
};

/// Docker's TTL, in seconds: clients that cache do so as long as they would there.
const TTL_S: u32 = 600;
/// A TCP client that says nothing for this long is dropped.
const TCP_IDLE: Duration = Duration::from_secs(30);
/// Answers that may wait for one slow TCP client.
const TCP_QUEUE: usize = 64;

/// Arguments of `part dns`.
#[derive(Debug, Clone, clap::Args)]
pub struct DnsArgs {
    /// Where to listen, UDP and TCP
    #[arg(long, value_name = "IP:PORT")]
    pub listen: SocketAddr,
    /// A name to serve, as NAME=IPV4; can be repeated
    #[arg(long = "record", value_name = "NAME=IP")]
    pub records: Vec<DnsRecord>,
}

/// One name and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// The name, without a trailing dot needed.
    pub name: Name,
    /// Its address.
    pub address: Ipv4Addr,
}

impl FromStr for DnsRecord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, address) = text.split_once('=').ok_or("expected NAME=IP, such as user-service=127.0.0.1")?;
        let mut name = Name::from_ascii(name).map_err(|error| format!("`{name}` is not a DNS name: {error}"))?;
        if name.is_root() {
            return Err("the name before `=` is empty".to_owned());
        }
        name.set_fqdn(true);
        let address = address.parse().map_err(|_| format!("`{address}` is not an IPv4 address"))?;
        Ok(Self { name, address })
    }
}

/// The name server could not start or lost its sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The address is taken or not on this machine.
    #[error("the name server cannot listen on {address} ({protocol}): {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Serving ended with an error.
    #[error("the name server failed: {0}")]
    Serve(String),
}

/// Serves the records until standard input ends.
///
/// # Errors
///
/// When the address cannot be listened on, or the sockets fail later.
pub async fn run_dns(args: DnsArgs) -> Result<(), DnsError> {
    let mut server = Server::new(Names::new(args.records));
    let failed = |protocol| move |source| DnsError::Listen { address: args.listen, protocol, source };
    server.register_socket(UdpSocket::bind(args.listen).await.map_err(failed("UDP"))?);
    server.register_listener(TcpListener::bind(args.listen).await.map_err(failed("TCP"))?, TCP_IDLE, TCP_QUEUE);

    tokio::select! {
        () = input_closed() => Ok(()),
        served = server.block_until_done() => served.map_err(|error| DnsError::Serve(error.to_string())),
    }
}

/// Ends when standard input does. On a thread of its own, not tokio's standard input: a read that
/// never ends would keep the runtime from shutting down.
async fn input_closed() {
    let (closed, wait) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}

/// The names served. `LowerName` compares without regard to case, as DNS does.
struct Names(HashMap<LowerName, Ipv4Addr>);

impl Names {
    fn new(records: Vec<DnsRecord>) -> Self {
        Self(records.into_iter().map(|record| (LowerName::new(&record.name), record.address)).collect())
    }

    /// The response code and the answer to one question.
    fn answer(&self, request: &Request) -> (ResponseCode, Option<Record>) {
        if request.metadata.op_code != OpCode::Query {
            return (ResponseCode::NotImp, None);
        }
        let Ok(info) = request.request_info() else {
            return (ResponseCode::FormErr, None);
        };
        if info.query.query_class() != DNSClass::IN {
            return (ResponseCode::Refused, None);
        }
        let Some(address) = self.0.get(info.query.name()) else {
            return (ResponseCode::NXDomain, None);
        };
        let wants_address = matches!(info.query.query_type(), RecordType::A | RecordType::ANY);
        // The name goes back as it was asked, capitals included: resolvers that randomise case
        // check it.
        let record = || Record::from_rdata(info.query.original().name().clone(), TTL_S, RData::A(A(*address)));
        (ResponseCode::NoError, wants_address.then(record))
    }
}

#[async_trait::async_trait]
impl RequestHandler for Names {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut out: R) -> ResponseInfo {
        let (code, record) = self.answer(request);
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = code;
        // Docker's server says so too; some resolvers do not believe an answer without it.
        metadata.recursion_available = true;

        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().max(512)).set_version(0);
            edns
        });
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let response = builder.build(metadata, record.iter(), [], [], []);
        // A client that is gone needs no answer; the server itself goes on.
        out.send_response(response)
            .await
            .unwrap_or_else(|_| ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() }))
    }
}

//! When the name server is ready: when it answers for a name of the platform.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RecordType},
};
use tokio::{net::UdpSocket, time::timeout};

use super::{
    process::Process,
    ready::{Deadline, until},
};
use crate::error::StackError;

/// UDP does not tell that nobody listens yet: ask again soon.
const PATIENCE: Duration = Duration::from_millis(200);
/// The largest answer without EDNS.
const ANSWER_BYTES: usize = 512;

/// Waits until an A query for `name` is answered.
pub(super) async fn until_ready(
    process: &Process,
    deadline: Deadline,
    server: SocketAddr,
    name: &str,
) -> Result<(), StackError> {
    let expected = format!("an address for {name} from {server}");
    until(process, deadline, &expected, || async { ask(server, name).await.map_err(|error| error.to_string()) }).await
}

async fn ask(server: SocketAddr, name: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii(format!("{name}."))?, RecordType::A));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(server).await?;
    socket.send(&question.to_vec()?).await?;
    let mut bytes = [0; ANSWER_BYTES];
    let length = timeout(PATIENCE, socket.recv(&mut bytes)).await??;
    let answer = Message::from_vec(&bytes[..length])?;
    match answer.metadata.response_code {
        ResponseCode::NoError if !answer.answers.is_empty() => Ok(()),
        code => Err(format!("{code} with {} answers", answer.answers.len()).into()),
    }
}

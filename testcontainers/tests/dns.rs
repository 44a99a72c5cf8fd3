//! The name server as a process, asked with real queries over UDP and TCP.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{part, within};
use hickory_proto::{
    op::{Edns, Message, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};

const USER: Ipv4Addr = Ipv4Addr::new(127, 99, 1, 12);

struct NameServer {
    process: Child,
    address: SocketAddr,
}

impl NameServer {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(part());
        command.args(["part", "dns", "--listen", &free.to_string(), "--record", &format!("user-service={USER}")]);
        let process = command.stdin(Stdio::piped()).spawn().unwrap();
        assert!(within(Duration::from_secs(5), || TcpStream::connect(free).is_ok()));
        Self { process, address: free }
    }

    fn ask(&self, name: &str, kind: RecordType) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        socket.send_to(&question(name, kind).to_vec().unwrap(), self.address).unwrap();
        let mut bytes = [0; 512];
        let length = socket.recv(&mut bytes).unwrap();
        Message::from_vec(&bytes[..length]).unwrap()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

#[test]
fn a_known_name_has_an_address_with_the_ttl_of_docker() {
    let server = NameServer::start();
    let answer = server.ask("user-service.", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert_eq!(answer.answers.len(), 1);
    assert_eq!(answer.answers[0].ttl, 600);
    assert_eq!(answer.answers[0].data, RData::A(USER.into()));
}

#[test]
fn case_does_not_matter_and_the_answer_repeats_the_case_of_the_question() {
    let server = NameServer::start();
    let answer = server.ask("User-SERVICE.", RecordType::A);
    assert_eq!(answer.answers.len(), 1);
    assert_eq!(answer.answers[0].name.to_ascii(), "User-SERVICE.");
}

#[test]
fn a_known_name_has_no_ipv6_address_and_that_is_no_error() {
    let server = NameServer::start();
    let answer = server.ask("user-service.", RecordType::AAAA);
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(answer.answers.is_empty());
}

#[test]
fn an_unknown_name_does_not_exist_at_once() {
    let server = NameServer::start();
    let since = Instant::now();
    let answer = server.ask("user-service.example.", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert!(since.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_question_with_edns_gets_an_answer_with_edns() {
    let server = NameServer::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut message = question("user-service.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    socket.send_to(&message.to_vec().unwrap(), server.address).unwrap();
    let mut bytes = [0; 1232];
    let length = socket.recv(&mut bytes).unwrap();
    let answer = Message::from_vec(&bytes[..length]).unwrap();
    assert_eq!(answer.edns.unwrap().max_payload(), 1232);
    assert_eq!(answer.answers.len(), 1);
}

#[test]
fn tcp_is_answered_like_udp() {
    let server = NameServer::start();
    let bytes = question("user-service.", RecordType::A).to_vec().unwrap();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(&u16::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&bytes).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(Message::from_vec(&answer).unwrap().answers.len(), 1);
}

#[test]
fn the_name_server_ends_when_standard_input_does_and_refuses_a_taken_address() {
    let mut server = NameServer::start();
    let mut second = Command::new(part());
    second.args(["part", "dns", "--listen", &server.address.to_string()]).stdin(Stdio::piped());
    let output = second.spawn().unwrap().wait_with_output().unwrap();
    assert!(!output.status.success());

    drop(server.process.stdin.take());
    assert!(within(Duration::from_secs(2), || server.process.try_wait().unwrap().is_some()));
}

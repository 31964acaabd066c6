//! Unix sockets by their paths: reaching one and making one, with every other address left alone.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileTypeExt;
use std::process::{Child, Command, Stdio};

use crate::harness::{Fence, Rules, Scratch, fixture};

/// Every call that reaches a socket.
const REACH: [&str; 10] = [
    "connect",
    "__connect",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "__sendmmsg",
    "syscall-connect",
    "syscall-sendto",
    "syscall-sendmsg",
    "syscall-sendmmsg",
];

/// A process that has a socket bound to each path; it ends with the value.
struct Server(Child);

impl Server {
    fn new(kind: &str, paths: &[String]) -> Self {
        let mut command = Command::new(fixture("socket"));
        command.args(["serve", kind]).args(paths).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the fixture runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "{paths:?}");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("our own child");
    }
}

/// A tree with a socket of this kind in `closed` and its twin in `open`, and links to both.
fn tree(kind: &str) -> (Scratch, Server) {
    let scratch = Scratch::new();
    let server = Server::new(kind, &[scratch.text("closed/socket"), scratch.text("open/socket")]);
    for place in ["closed", "open"] {
        scratch.link(&format!("to-{place}"), place);
        scratch.link(&format!("{place}-socket"), format!("{place}/socket"));
    }
    (scratch, server)
}

/// What the calls print, from the tree as working directory; `@` stands for the tree.
#[track_caller]
fn calls(scratch: &Scratch, fence: &Fence, kind: &str, cases: &[(&str, String)]) -> Vec<String> {
    let mut command = fence.command(fixture("socket"));
    command.args(["call", kind]).current_dir(scratch.path(""));
    for (call, address) in cases {
        command.args([call, address.as_str()]);
    }
    let outcome = fence.finish(&mut command);
    outcome.text().lines().map(|line| scratch.generic(line)).collect()
}

/// The ways in which a path may name the socket in a directory.
fn ways(scratch: &Scratch, place: &str) -> Vec<String> {
    let absolute = scratch.text(place);
    vec![
        format!("{absolute}/socket"),
        format!("{place}/socket"),
        format!("./{place}//./socket"),
        format!("open/../{place}/socket"),
        format!("{}/socket", scratch.text(&format!("to-{place}"))),
        format!("to-{place}/socket"),
        format!("{place}-socket"),
        format!("/proc/self/cwd/{place}/socket"),
        format!("whole:{absolute}/socket"),
    ]
}

fn reach(kind: &str) {
    let (scratch, _server) = tree(kind);
    let fence = Fence::by_hand(&scratch.rules());
    let cases = |place: &str| -> Vec<(&str, String)> {
        let ways = ways(&scratch, place);
        REACH.iter().flat_map(|call| ways.iter().map(|way| (*call, way.clone()))).collect()
    };
    for line in calls(&scratch, &fence, kind, &cases("closed")) {
        assert!(line.contains(": -1 EACCES own="), "{kind}: {line}");
    }
    let passed = calls(&scratch, &fence, kind, &cases("open"));
    let open = calls(&scratch, &Fence::open(), kind, &cases("open"));
    assert_eq!(passed, open, "the allowed twin of {kind}");
    assert!(passed.iter().any(|line| line.contains(": 0 ") || line.contains(": 4 ")), "{passed:?}");
}

#[test]
fn a_stream_is_not_reached_by_any_call_or_name() {
    reach("stream");
}

#[test]
fn a_datagram_socket_is_not_reached_by_any_call_or_name() {
    reach("dgram");
}

#[test]
fn a_socket_of_packets_is_not_reached_by_any_call_or_name() {
    reach("seqpacket");
}

#[test]
fn of_many_messages_those_before_a_forbidden_one_are_sent() {
    let (scratch, _server) = tree("dgram");
    let fence = Fence::by_hand(&scratch.rules());
    for (place, expected) in [("closed", ": 1976 "), ("open", ": 2080 ")] {
        let case = ("last", scratch.text(&format!("{place}/socket")));
        let line = calls(&scratch, &fence, "dgram", std::slice::from_ref(&case)).remove(0);
        assert!(line.contains(expected), "{line}");
        let line = calls(&scratch, &Fence::open(), "dgram", &[case]).remove(0);
        assert!(line.contains(": 2080 "), "without a fence: {line}");
    }
}

#[test]
fn other_addresses_and_other_mistakes_stay_as_they_are() {
    let (scratch, _server) = tree("stream");
    let fence = Fence::by_hand(&scratch.rules());
    let missing = scratch.text("open/missing");
    let through = scratch.text("open/socket/beyond");
    let file = scratch.text("open/twin");
    let slash = scratch.text("open/socket/");
    let name = format!("@ringfence-{}", std::process::id());
    let addresses = ["unnamed", "null", "inet", "long", &name, &missing, &through, &file, &slash];
    for kind in ["stream", "dgram", "seqpacket"] {
        for call in REACH.iter().chain(&["bad-connect", "file-connect"]) {
            let cases: Vec<_> =
                addresses.iter().map(|address| (*call, (*address).to_owned())).collect();
            let passed = calls(&scratch, &fence, kind, &cases);
            assert_eq!(passed, calls(&scratch, &Fence::open(), kind, &cases), "{kind}");
        }
    }
}

#[test]
fn a_socket_is_not_made_at_a_forbidden_place() {
    let scratch = Scratch::new();
    scratch.link("to-closed", "closed");
    let fence = Fence::by_hand(&scratch.rules().forbid(scratch.path("named")));
    let places = [
        scratch.text("closed/new"),
        "closed/new".to_owned(),
        "to-closed/new".to_owned(),
        "open/../closed/new".to_owned(),
        "/proc/self/cwd/closed/inner/new".to_owned(),
        "named".to_owned(),
        "./named".to_owned(),
        scratch.text("named"),
        // What exists is no reason to tell so.
        "secret".to_owned(),
    ];
    for kind in ["stream", "dgram", "seqpacket"] {
        for call in ["bind", "syscall-bind"] {
            let cases: Vec<_> = places.iter().map(|place| (call, place.clone())).collect();
            for line in calls(&scratch, &fence, kind, &cases) {
                assert!(line.contains(": -1 EACCES own=2:@ "), "{line}");
            }
        }
    }
    for place in ["closed/new", "closed/inner/new", "named"] {
        assert!(!scratch.path(place).exists(), "{place}");
    }
}

#[test]
fn a_socket_made_elsewhere_has_the_name_that_it_was_given() {
    let results = |fence: &dyn Fn(&Scratch) -> Fence| {
        let scratch = Scratch::new();
        scratch.directory("deep/named");
        scratch.link("to-open", "open");
        let whole = format!("whole:{}", scratch.text("open/whole"));
        let mut cases: Vec<(&str, String)> =
            ["a", "./b", "open/c", "to-open/d", "open/../e", "secretary"]
                .iter()
                .map(|place| ("bind", (*place).to_owned()))
                .collect();
        // `secret` is the name of a rule, but of another directory.
        let mut elsewhere = vec![("bind", "secret".to_owned()), ("bind", "secret".to_owned())];
        elsewhere.push(("twice-bind", "twin".to_owned()));
        cases.extend([("bind", scratch.text("open/f")), ("bind", whole)]);
        // There already, no directory, missing directory, a slash behind, bound twice.
        for place in ["a", "to-open", "twin/x", "missing/x", "open/x/", "unnamed", "inet", "long"] {
            cases.push(("bind", place.to_owned()));
        }
        cases.push(("twice-bind", "open/twice".to_owned()));
        let fence = fence(&scratch);
        let mut lines = calls(&scratch, &fence, "stream", &cases);
        let mut command = fence.command(fixture("socket"));
        command.args(["call", "dgram"]).current_dir(scratch.path("deep"));
        for (call, address) in &elsewhere {
            command.args([*call, address.as_str()]);
        }
        lines.extend(fence.finish(&mut command).text().lines().map(str::to_owned));
        for place in ["a", "b", "open/c", "open/d", "e", "open/f", "open/whole", "deep/secret"] {
            let kind = scratch.path(place).symlink_metadata().expect(place).file_type();
            assert!(kind.is_socket(), "{place}");
        }
        // The kernel numbers unnamed sockets as it likes.
        lines.retain(|line| !line.starts_with("bind unnamed"));
        lines
    };
    let open = results(&|_| Fence::open());
    assert_eq!(results(&|scratch| Fence::by_hand(&scratch.rules())), open);
    // Where names alone say nothing, every call goes by its text.
    let part = |scratch: &Scratch| {
        let rules = scratch.rules().forbid_access(scratch.path("closed-to-writers"), &["write"]);
        Fence::by_hand(&rules)
    };
    assert_eq!(results(&part), open);
}

#[test]
fn reaching_a_socket_is_writing_to_it() {
    let (scratch, _server) = tree("stream");
    let socket = scratch.text("open/socket");
    let result = |words: &'static [&'static str]| {
        let fence = Fence::by_hand(&Rules::new().forbid_access(socket.clone(), words));
        calls(&scratch, &fence, "stream", &[("connect", socket.clone())]).remove(0)
    };
    for words in [["write"], ["metadata"]] {
        assert!(result(words_of(words)).contains(": -1 EACCES "), "{words:?}");
    }
    for words in [["read"], ["execute"], ["list"]] {
        assert!(result(words_of(words)).contains(": 0 "), "{words:?}");
    }
    let closed = scratch.text("closed/socket");
    for (words, expected) in [("read", ": -1 EACCES "), ("write", ": 0 ")] {
        let rules = scratch.rules().allow(scratch.path("closed/socket"), words_of([words]));
        let fence = Fence::by_hand(&rules);
        let line = calls(&scratch, &fence, "stream", &[("connect", closed.clone())]).remove(0);
        assert!(line.contains(expected), "an exception for {words}: {line}");
    }
}

/// One word of `access`, as the rules take it.
fn words_of(word: [&'static str; 1]) -> &'static [&'static str] {
    match word {
        ["read"] => &["read"],
        ["write"] => &["write"],
        ["list"] => &["list"],
        ["execute"] => &["execute"],
        _ => &["metadata"],
    }
}

#[test]
fn a_socket_with_an_alias_is_one_socket() {
    // As `/var/run/docker.sock`, where `/var/run` is a link.
    let scratch = Scratch::new();
    scratch.directory("run");
    scratch.link("alias", "run");
    let _server =
        Server::new("stream", &[scratch.text("run/docker.sock"), scratch.text("run/twin")]);
    for rule in ["run/docker.sock", "alias/docker.sock"] {
        let fence = Fence::by_launcher(&Rules::new().forbid(scratch.path(rule)));
        for way in ["run/docker.sock", "alias/docker.sock"] {
            let line =
                calls(&scratch, &fence, "stream", &[("connect", scratch.text(way))]).remove(0);
            assert!(line.contains(": -1 EACCES "), "{rule} by {way}: {line}");
        }
        let line = calls(&scratch, &fence, "stream", &[("connect", scratch.text("alias/twin"))]);
        assert!(line[0].contains(": 0 "), "{line:?}");
    }
}

#[test]
fn pythons_sockets_meet_the_fence() {
    let (scratch, _server) = tree("stream");
    let fence = Fence::by_hand(&scratch.rules());
    let script = "\
import socket, sys, errno
for place in ('open', 'closed'):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(place + '/socket')
        print(place, s.getpeername().rpartition('/')[2])
    except OSError as e:
        print(place, errno.errorcode[e.errno])
    try:
        b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        b.bind(place + '/python')
        print(place, b.getsockname())
        a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        a.sendmsg([b'hello'], [], 0, place + '/python')
        a.sendto(b'again', place + '/python')
        print(b.recv(9), b.recv(9))
    except OSError as e:
        print(place, errno.errorcode[e.errno])
a, b = socket.socketpair()
socket.send_fds(a, [b'x'], [0])
print(len(socket.recv_fds(b, 9, 1)[1]))
";
    let mut command = fence.command("python3");
    command.args(["-c", script]).current_dir(scratch.path(""));
    let outcome = fence.finish(&mut command);
    let expected =
        "open socket\nopen open/python\nb'hello' b'again'\nclosed EACCES\nclosed EACCES\n1";
    assert_eq!(outcome.text(), expected, "{outcome:#?}");
    let places: Vec<_> = outcome.audit.iter().map(|line| line["path"].to_string()).collect();
    assert_eq!(places.len(), 2, "{places:?}");
}

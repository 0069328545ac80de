//! Attempts every import that is an effect, once for each kind that its receipts may have.
//!
//! Not hostile: the test calls it with everything granted, with reading granted and with nothing
//! granted, and prints what came of each.

use std::net::SocketAddr;
use tollgate_test_guests::files::{self, open_to_write, touch};
use tollgate_test_guests::wasi::cli::environment::get_environment;
use tollgate_test_guests::wasi::filesystem::types::{Descriptor, OpenFlags, PathFlags};
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene, http, sockets};

fn attempt(scene: &Scene, report: &mut Report) {
    let names: Vec<String> = get_environment()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    report.say(format!("environment.get-environment env.read: {names:?}"));
    // Where nothing is mounted, the empty directory that stands for everything outside is.
    match files::mount("/data") {
        Some(data) => attempt_files(&data, "", report),
        None => files::within(report, "/", |root, report| {
            attempt_files(root, "data/", report)
        }),
    }
    let answer = http::get(&format!("127.0.0.1:{}", scene.port), "/public/page");
    report.step("outgoing-handler.handle http.request", answer);
    attempt_keyvalue(report);
    report.step(
        "ip-name-lookup.resolve-addresses dns.resolve",
        sockets::look_up("localhost"),
    );
    attempt_streams(scene, report);
    attempt_datagrams(scene, report);
}

fn attempt_streams(scene: &Scene, report: &mut Report) {
    let server = SocketAddr::from(([127, 0, 0, 1], scene.port));
    report.step(
        "tcp-socket.start-connect tcp.connect",
        sockets::connect(server),
    );
    // The test connects to this port until somebody listens.
    let own = SocketAddr::from(([127, 0, 0, 1], scene.canary_port));
    let bound = report.step("tcp-socket.start-bind tcp.bind", sockets::bind(own));
    let Ok(listener) = bound.map_or_else(sockets::unbound, Ok) else {
        return;
    };
    report.step(
        "tcp-socket.start-listen tcp.listen",
        listener.start_listen(),
    );
    let listens = listener.finish_listen().is_ok();
    if listens {
        listener.subscribe().block();
    }
    // The streams of a socket go before it does.
    let accepted = listener.accept().map(|(client, input, output)| {
        drop((input, output));
        drop(client);
    });
    report.step("tcp-socket.accept tcp.accept", accepted);
}

fn attempt_datagrams(scene: &Scene, report: &mut Report) {
    let own = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = SocketAddr::from(([127, 0, 0, 1], scene.port));
    let bound = sockets::bind_udp(own);
    let bound = report.step("udp-socket.start-bind udp.bind", bound);
    let send = "outgoing-datagram-stream.send udp.send";
    match bound.as_ref().map(|socket| socket.stream(None)) {
        Some(Ok((_incoming, outgoing))) => {
            report.step(send, sockets::send(&outgoing, Some(server)));
        }
        _ => report.say(format!("{send}: out of reach")),
    }
    let Ok(socket) = bound.map_or_else(sockets::unbound_udp, Ok) else {
        return;
    };
    report.step(
        "udp-socket.stream udp.connect",
        socket.stream(Some(sockets::address(server))),
    );
}

fn attempt_files(data: &Descriptor, prefix: &str, report: &mut Report) {
    let at = |name: &str| format!("{prefix}{name}");
    let (none, create) = (PathFlags::empty(), OpenFlags::CREATE);
    let note = at("note.txt");
    report.step("descriptor.read-directory fs.list", data.read_directory());
    report.step("descriptor.stat-at fs.stat", data.stat_at(none, &note));
    report.step(
        "descriptor.metadata-hash-at fs.stat",
        data.metadata_hash_at(none, &note),
    );
    report.step(
        "descriptor.readlink-at fs.readlink",
        data.readlink_at(&at("link-inside")),
    );
    report.step("descriptor.open-at fs.open.read", files::open(data, &note));
    report.step(
        "descriptor.open-at fs.open.dir",
        files::open_dir(data, &at("sub")),
    );
    report.step(
        "descriptor.open-at fs.open.write",
        open_to_write(data, &note, OpenFlags::empty()),
    );
    report.step(
        "descriptor.open-at fs.create",
        open_to_write(data, &at("new.txt"), create),
    );
    report.step(
        "descriptor.create-directory-at fs.mkdir",
        data.create_directory_at(&at("made")),
    );
    report.step("descriptor.set-times-at fs.set-times", touch(data, &note));
    report.step(
        "descriptor.link-at fs.link",
        data.link_at(none, &note, data, &at("linked.txt")),
    );
    report.step(
        "descriptor.symlink-at fs.symlink",
        data.symlink_at("note.txt", &at("new-link")),
    );
    report.step(
        "descriptor.rename-at fs.rename",
        data.rename_at(&at("new.txt"), data, &at("renamed.txt")),
    );
    report.step(
        "descriptor.unlink-file-at fs.delete",
        data.unlink_file_at(&at("renamed.txt")),
    );
    report.step(
        "descriptor.remove-directory-at fs.delete",
        data.remove_directory_at(&at("made")),
    );
}

fn attempt_keyvalue(report: &mut Report) {
    let said = |error: store::Error| match error {
        store::Error::NoSuchStore => "no-such-store".to_owned(),
        store::Error::AccessDenied => "access-denied".to_owned(),
        store::Error::Other(why) => format!("other, {why}"),
    };
    let opened = store::open("notes").map_err(said);
    let Some(bucket) = report.step("store.open kv.open", opened) else {
        for rest in [
            "bucket.set kv.set",
            "bucket.get kv.get",
            "bucket.exists kv.get",
            "bucket.list-keys kv.list",
            "bucket.delete kv.delete",
        ] {
            report.say(format!("store.{rest}: out of reach"));
        }
        return;
    };
    report.step(
        "store.bucket.set kv.set",
        bucket.set("key", b"value").map_err(said),
    );
    report.step("store.bucket.get kv.get", bucket.get("key").map_err(said));
    report.step(
        "store.bucket.exists kv.get",
        bucket.exists("key").map_err(said),
    );
    report.step(
        "store.bucket.list-keys kv.list",
        bucket.list_keys(None).map_err(said),
    );
    report.step(
        "store.bucket.delete kv.delete",
        bucket.delete("key").map_err(said),
    );
}

tollgate_test_guests::guest!(attempt);

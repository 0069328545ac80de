//! Attempts every import that is an effect, once for each kind that its receipts may have.
//!
//! Not hostile: the test calls it with everything granted, with reading granted and with nothing
//! granted, and prints what came of each.

use tollgate_test_guests::files::{self, open_to_write, touch};
use tollgate_test_guests::wasi::cli::environment::get_environment;
use tollgate_test_guests::wasi::filesystem::types::{Descriptor, OpenFlags, PathFlags};
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::wasi::sockets::instance_network::instance_network;
use tollgate_test_guests::wasi::sockets::ip_name_lookup::resolve_addresses;
use tollgate_test_guests::wasi::sockets::network::IpAddressFamily;
use tollgate_test_guests::wasi::sockets::tcp_create_socket::create_tcp_socket;
use tollgate_test_guests::wasi::sockets::udp_create_socket::create_udp_socket;
use tollgate_test_guests::{Report, Scene, http};

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
    let network = instance_network();
    report.step(
        "ip-name-lookup.resolve-addresses dns.resolve",
        resolve_addresses(&network, "localhost"),
    );
    let v4 = IpAddressFamily::Ipv4;
    report.step(
        "tcp-create-socket.create-tcp-socket tcp.socket",
        create_tcp_socket(v4),
    );
    report.step(
        "udp-create-socket.create-udp-socket udp.socket",
        create_udp_socket(v4),
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

//! Reads and changes Tollgate's own store, policy, cache and the component itself, all of which lie
//! beneath a mount that is granted in full.

use tollgate_test_guests::files::{self, open_to_write, read, write};
use tollgate_test_guests::wasi::filesystem::types::{OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

const POLICY: &str = "home/config/tollgate.toml";

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/all", |all, report| {
        report.step("read the policy", read(all, POLICY));
        report.step(
            "write the policy",
            open_to_write(all, POLICY, OpenFlags::empty()),
        );
        report.step(
            "replace the policy",
            all.rename_at("mount/note.txt", all, POLICY),
        );
        report.step("unlink the policy", all.unlink_file_at(POLICY));
        report.step("list the state", files::names(all, "home/state"));
        report.step("list the store", files::names(all, "home/state/store"));
        report.step(
            "create in the store",
            open_to_write(all, "home/state/store/new", OpenFlags::CREATE),
        );
        report.step("list the cache", files::names(all, "home/cache"));
        report.step(
            "plant in the cache",
            open_to_write(all, "home/cache/new.cwasm", OpenFlags::CREATE),
        );
        report.step(
            "move the state away",
            all.rename_at("home/state", all, "elsewhere"),
        );
        report.step(
            "move the home away",
            all.rename_at("home", all, "elsewhere"),
        );
        report.step("link the policy", {
            all.link_at(PathFlags::empty(), POLICY, all, "mount/policy.toml")
        });
        report.step(
            "symlink to the store",
            all.symlink_at("../home/state", "mount/way"),
        );
        report.step(
            "list through the symlink",
            files::names(all, "mount/way/store"),
        );
        report.step(
            "replace the component",
            write(all, "plugins/own_store.wasm", "replaced"),
        );
        report.step(
            "rename onto the component",
            all.rename_at("mount/note.txt", all, "plugins/own_store.wasm"),
        );
        report.step("read what is no part of it", read(all, "mount/note.txt"));
    });
}

tollgate_test_guests::guest!(attempt);

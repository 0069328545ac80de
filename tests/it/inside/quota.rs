//! The quota of a mount under many calls at once: never over, to the byte, and all of it can be used.

use super::host::Host;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tollgate_sandbox::net::ClientOptions;

/// What may be added below the mount.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const FILES_MAX: usize = 40;
/// Calls at once.
const CALLS: usize = 32;
/// What each writes; together more than twice what there is room for.
const EACH_BYTES: usize = 300_001;
/// How often they do it.
const ROUNDS: usize = 4;

fn host() -> Arc<Host> {
    let policy = format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.full {{ROOT}}/mount at /data\"]\n\
         limits = {{ disk = \"{}KiB\", disk_files = {FILES_MAX} }}\n",
        BYTES_MAX / 1024
    );
    Host::of(&policy, ClientOptions::default())
}

/// How many files there are, and how long they are together.
fn used(mount: &Path) -> (usize, usize) {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(mount).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        if meta.is_file() {
            files += 1;
            bytes += usize::try_from(meta.len()).unwrap();
        }
    }
    (files, bytes)
}

async fn write(host: &Host, name: &str, bytes: usize) -> Result<String, String> {
    let (path, content) = (format!("/data/{name}"), "x".repeat(bytes));
    let arguments = json!({ "path": path, "content": content, "append": true });
    host.files("write", arguments).await
}

async fn remove(host: &Host, name: &str) -> Result<String, String> {
    host.files("remove", json!({ "path": format!("/data/{name}") }))
        .await
}

/// Begins one call for each name, all at once; how many succeeded.
async fn at_once(host: &Arc<Host>, names: Vec<String>, removes: bool) -> usize {
    let calls: Vec<_> = names
        .into_iter()
        .map(|name| {
            let host = Arc::clone(host);
            tokio::spawn(async move {
                if removes {
                    remove(&host, &name).await
                } else {
                    write(&host, &name, EACH_BYTES).await
                }
            })
        })
        .collect();
    let mut good = 0;
    for call in calls {
        good += usize::from(call.await.unwrap().is_ok());
    }
    good
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn many_calls_at_once_fill_a_quota_of_bytes_to_the_last_and_never_beyond() {
    let host = host();
    let mount = host.root().join("mount");
    std::fs::remove_dir(mount.join("sub")).unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        for round in 0..ROUNDS {
            let names = (0..CALLS).map(|n| format!("{n}")).collect();
            let good = at_once(&host, names, false).await;
            let (_, bytes) = used(&mount);
            assert!(bytes <= BYTES_MAX, "round {round}: {bytes} bytes");
            assert!(good < CALLS, "round {round}: there was room for all");
            // What is left is exactly what the account says is left.
            let left = BYTES_MAX - bytes;
            if left > 0 {
                write(&host, "0", left + 1).await.unwrap_err();
                assert_eq!(used(&mount).1, bytes, "round {round}: a part was written");
                write(&host, "0", left).await.unwrap();
            }
            write(&host, "0", 1).await.unwrap_err();
            assert_eq!(used(&mount).1, BYTES_MAX, "round {round}");
            // Some are removed while others are written; the next round finds what they gave back.
            let removed = (0..CALLS).step_by(2).map(|n| format!("{n}")).collect();
            let written = (0..CALLS).skip(1).step_by(2).map(|n| format!("{n}"));
            let removing = at_once(&host, removed, true);
            let writing = at_once(&host, written.collect(), false);
            tokio::join!(removing, writing);
            assert!(used(&mount).1 <= BYTES_MAX, "round {round}");
        }
    });
}

#[test]
fn many_calls_at_once_make_as_many_files_as_the_quota_says() {
    let host = host();
    let mount = host.root().join("mount");
    std::fs::remove_dir(mount.join("sub")).unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        let make = |round: usize| {
            let host = Arc::clone(&host);
            let calls = (0..CALLS).map(move |n| {
                let host = Arc::clone(&host);
                tokio::spawn(async move { write(&host, &format!("{round}-{n}"), 0).await })
            });
            calls.collect::<Vec<_>>()
        };
        let mut good = 0;
        for call in make(0).into_iter().chain(make(1)) {
            good += usize::from(call.await.unwrap().is_ok());
        }
        assert_eq!((good, used(&mount).0), (FILES_MAX, FILES_MAX));
        let first = std::fs::read_dir(&mount).unwrap().next().unwrap().unwrap();
        remove(&host, first.file_name().to_str().unwrap())
            .await
            .unwrap();
        write(&host, "one", 0).await.unwrap();
        write(&host, "more", 0).await.unwrap_err();
        assert_eq!(used(&mount).0, FILES_MAX);
    });
}

//! Another process swaps directories, files and links as fast as it can while a plugin reads and writes.

use super::host::Host;
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long it goes on.
const SECONDS: u64 = 10;
/// What must never be read.
const SECRET: &str = "the secret outside";
/// Calls at once.
const CALLERS: usize = 4;

/// Swaps until it is killed: a directory and a link to another outside, a file and a link to one outside, a
/// file and a directory, a link that leads inside and ones that lead outside.
const SWAPPER: &str = r#"
import os, sys
near, outside = sys.argv[1:]
os.chdir(near)
while True:
    for name, stand_in in (("d", outside), ("e/note.txt", outside + "/note.txt")):
        try:
            os.rename(name, "away")
            os.symlink(stand_in, name)
            os.unlink(name)
            os.rename("away", name)
        except OSError:
            pass
    try:
        os.rename("e", "away")
        open("e", "w").close()
        os.unlink("e")
        os.rename("away", "e")
    except OSError:
        pass
    for text in (outside, "../outside", "d"):
        try:
            os.symlink(text, "new-link")
            os.rename("new-link", "link")
        except OSError:
            pass
"#;

/// A child that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn heavy_a_process_that_swaps_files_under_a_plugin() {
    let host = Host::start(&[]);
    let (near, outside) = (host.root().join("near"), host.root().join("outside"));
    for directory in [near.join("d"), near.join("e"), outside.clone()] {
        std::fs::create_dir(directory).unwrap();
    }
    for inside in ["d/note.txt", "e/note.txt"] {
        std::fs::write(near.join(inside), "inside").unwrap();
    }
    std::fs::write(outside.join("note.txt"), SECRET).unwrap();
    std::os::unix::fs::symlink("d", near.join("link")).unwrap();
    let swapper = Command::new("python3")
        .args(["-c", SWAPPER])
        .args([&near, &outside])
        .stdin(Stdio::null())
        .spawn();
    let swapper = Killed(swapper.unwrap());

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let (good, bad) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (host, done) = (Arc::clone(&host), Arc::clone(&done));
                let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
                tokio::spawn(async move {
                    for round in 0_usize.. {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let directory = ["d", "e", "link"][round % 3];
                        let file = format!("/near/{directory}/note.txt");
                        let own = format!("/near/{directory}/own-{caller}.txt");
                        let said = match round % 5 {
                            0 => host.files("read", json!({ "path": file })).await,
                            1 => {
                                host.files("list", json!({ "path": format!("/near/{directory}") }))
                                    .await
                            }
                            2 => {
                                host.files("write", json!({ "path": own, "content": "own" }))
                                    .await
                            }
                            3 => {
                                host.files("write", json!({ "path": file, "content": "inside" }))
                                    .await
                            }
                            _ => host.files("remove", json!({ "path": own })).await,
                        };
                        let count = if said.is_ok() { &good } else { &bad };
                        count.fetch_add(1, Ordering::Relaxed);
                        let said = said.unwrap_or_else(|error| error);
                        assert!(!said.contains(SECRET), "{said}");
                    }
                })
            })
            .collect();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(SECONDS) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(
                std::fs::read_to_string(outside.join("note.txt")).unwrap(),
                SECRET
            );
        }
        done.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
    });
    drop(swapper);
    let (good, bad) = (good.load(Ordering::Relaxed), bad.load(Ordering::Relaxed));
    println!("{good} calls succeeded and {bad} failed in {SECONDS} s");
    assert!(good > 100 && bad > 100, "{good} {bad}: there was no race");
    let left: Vec<_> = std::fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["note.txt"]);
    assert_eq!(
        std::fs::read_to_string(outside.join("note.txt")).unwrap(),
        SECRET
    );
}

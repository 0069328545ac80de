//! Many guests in one component, because each component is compiled for seconds, here and in the tests. The
//! harness says whose turn it is; the code of each is in its folder.

use tollgate_test_guests::{Report, Scene};

#[path = "../abandoned_body/guest.rs"]
mod abandoned_body;
#[path = "../broken_answers/guest.rs"]
mod broken_answers;
#[path = "../case_forms/guest.rs"]
mod case_forms;
#[path = "../cells/guest.rs"]
mod cells;
#[path = "../clock_spin/guest.rs"]
mod clock_spin;
#[path = "../connection_flood/guest.rs"]
mod connection_flood;
#[path = "../create_only/guest.rs"]
mod create_only;
#[path = "../credential_echo/guest.rs"]
mod credential_echo;
#[path = "../credential_forge/guest.rs"]
mod credential_forge;
#[path = "../credential_in_gzip/guest.rs"]
mod credential_in_gzip;
#[path = "../credential_other_host/guest.rs"]
mod credential_other_host;
#[path = "../credential_redirect/guest.rs"]
mod credential_redirect;
#[path = "../device_files/guest.rs"]
mod device_files;
#[path = "../dripping_server/guest.rs"]
mod dripping_server;
#[path = "../early_exit/guest.rs"]
mod early_exit;
#[path = "../effects_limit/guest.rs"]
mod effects_limit;
#[path = "../empty_list/guest.rs"]
mod empty_list;
#[path = "../endless_body/guest.rs"]
mod endless_body;
#[path = "../git_hooks/guest.rs"]
mod git_hooks;
#[path = "../gzip_bomb/guest.rs"]
mod gzip_bomb;
#[path = "../handle_flood/guest.rs"]
mod handle_flood;
#[path = "../host_header/guest.rs"]
mod host_header;
#[path = "../huge_headers/guest.rs"]
mod huge_headers;
#[path = "../kv_flood/guest.rs"]
mod kv_flood;
#[path = "../large_answer/guest.rs"]
mod large_answer;
#[path = "../libc_misses/guest.rs"]
mod libc_misses;
#[path = "../listing_flood/guest.rs"]
mod listing_flood;
#[path = "../log_flood/guest.rs"]
mod log_flood;
#[path = "../mount_of_root/guest.rs"]
mod mount_of_root;
#[path = "../nested_mounts/guest.rs"]
mod nested_mounts;
#[path = "../odd_names/guest.rs"]
mod odd_names;
#[path = "../open_files_flood/guest.rs"]
mod open_files_flood;
#[path = "../other_method/guest.rs"]
mod other_method;
#[path = "../other_port/guest.rs"]
mod other_port;
#[path = "../other_scheme/guest.rs"]
mod other_scheme;
#[path = "../own_link_walk/guest.rs"]
mod own_link_walk;
#[path = "../policy_writer/guest.rs"]
mod policy_writer;
#[path = "../proc_walk/guest.rs"]
mod proc_walk;
#[path = "../proxy_env/guest.rs"]
mod proxy_env;
#[path = "../query_escape/guest.rs"]
mod query_escape;
#[path = "../random_flood/guest.rs"]
mod random_flood;
#[path = "../ready_poll_spin/guest.rs"]
mod ready_poll_spin;
#[path = "../retry_after_denial/guest.rs"]
mod retry_after_denial;
#[path = "../second_mount/guest.rs"]
mod second_mount;
#[path = "../slow_server/guest.rs"]
mod slow_server;
#[path = "../smuggled_line/guest.rs"]
mod smuggled_line;
#[path = "../stderr_flood/guest.rs"]
mod stderr_flood;
#[path = "../timer_flood/guest.rs"]
mod timer_flood;
#[path = "../unicode_forms/guest.rs"]
mod unicode_forms;
#[path = "../upload_lies/guest.rs"]
mod upload_lies;
#[path = "../url_forms/guest.rs"]
mod url_forms;
#[path = "../wide_network/guest.rs"]
mod wide_network;
#[path = "../write_only/guest.rs"]
mod write_only;

macro_rules! choose {
    ($($name:ident),* $(,)?) => {
        fn attempt(scene: &Scene, report: &mut Report) {
            match scene.guest.as_str() {
                $(stringify!($name) => $name::attempt(scene, report),)*
                other => report.say(format!("there is no guest {other}")),
            }
        }
    };
}

choose! {
    abandoned_body,
    broken_answers,
    case_forms,
    cells,
    clock_spin,
    connection_flood,
    create_only,
    credential_echo,
    credential_forge,
    credential_in_gzip,
    credential_other_host,
    credential_redirect,
    device_files,
    dripping_server,
    early_exit,
    effects_limit,
    empty_list,
    endless_body,
    git_hooks,
    gzip_bomb,
    handle_flood,
    host_header,
    huge_headers,
    kv_flood,
    large_answer,
    libc_misses,
    listing_flood,
    log_flood,
    mount_of_root,
    nested_mounts,
    odd_names,
    open_files_flood,
    other_method,
    other_port,
    other_scheme,
    own_link_walk,
    policy_writer,
    proc_walk,
    proxy_env,
    query_escape,
    random_flood,
    ready_poll_spin,
    retry_after_denial,
    second_mount,
    slow_server,
    smuggled_line,
    stderr_flood,
    timer_flood,
    unicode_forms,
    upload_lies,
    url_forms,
    wide_network,
    write_only,
}

tollgate_test_guests::guest!(attempt);

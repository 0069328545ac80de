//! Whatever a record says, it is text of the page and can be seen.

use super::{NOW_US, example};
use crate::{
    Evidence,
    html::{Checked, GrantLine, Proof, SessionProof, html},
};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tollgate_receipts::{Outcome, Receipt};

/// Every tag of a page, as it stands there.
pub(super) fn tags(page: &str) -> BTreeSet<&str> {
    let starts = page.match_indices('<').map(|(at, _)| &page[at..]);
    starts
        .map(|rest| &rest[..=rest.find('>').unwrap()])
        .collect()
}

/// Puts texts in the place of all texts of the evidence, the proof and the grants.
struct Texts<F: FnMut() -> String>(F);

impl<F: FnMut() -> String> Texts<F> {
    fn put(&mut self, text: &mut String) {
        *text = (self.0)();
    }

    fn fill(&mut self, text: &mut Option<String>) {
        *text = Some((self.0)());
    }

    fn outcome(&mut self, outcome: &mut Outcome) {
        self.fill(&mut outcome.error);
        self.fill(&mut outcome.address);
        self.fill(&mut outcome.detail);
    }

    /// All but the kind, which decides in which section a target stands.
    fn receipt(&mut self, receipt: &mut Receipt) {
        let plugin = Arc::make_mut(&mut receipt.plugin);
        for text in [
            &mut receipt.id,
            &mut receipt.session,
            &mut receipt.call,
            &mut plugin.name,
            &mut plugin.version,
            &mut plugin.digest,
        ] {
            self.put(text);
        }
        if let Some(target) = &mut receipt.target {
            self.put(&mut target.text);
            self.fill(&mut target.hmac);
        }
        let decision = &mut receipt.decision;
        for text in [
            &mut receipt.run,
            &mut receipt.import,
            &mut receipt.policy,
            &mut decision.grant,
            &mut decision.reason,
            &mut decision.nearest,
            &mut decision.command,
        ] {
            self.fill(text);
        }
        let seen = [
            &mut receipt.settled,
            &mut receipt.closed,
            &mut receipt.resolved,
        ];
        for observed in seen.into_iter().flatten() {
            self.outcome(&mut observed.outcome);
        }
    }

    fn evidence(&mut self, evidence: &mut Evidence) {
        for receipt in &mut evidence.receipts {
            self.receipt(receipt);
        }
        for call in &mut evidence.calls {
            let record = &mut call.record;
            for text in [
                &mut call.session,
                &mut record.call,
                &mut Arc::make_mut(&mut record.plugin).name,
                &mut record.export,
                &mut record.ended,
            ] {
                self.put(text);
            }
            self.fill(&mut record.detail);
        }
        for change in &mut evidence.changes {
            let record = &mut change.record;
            for text in [
                &mut change.session,
                &mut record.who,
                &mut record.what,
                &mut record.object,
                &mut record.detail,
            ] {
                self.put(text);
            }
        }
    }

    fn proof(&mut self) -> Proof {
        let mut text = || (self.0)();
        Proof {
            source: text(),
            checked: Checked::Failed(text()),
            origin: Some(text()),
            key: Some(text()),
            tree_size: Some(3),
            root: Some(text()),
            sessions: vec![SessionProof {
                session: text(),
                entries: 1,
                open: false,
            }],
            command: text(),
        }
    }

    fn grants(&mut self) -> Vec<GrantLine> {
        let mut text = || (self.0)();
        vec![GrantLine {
            id: text(),
            plugin: text(),
            capability: text(),
            effect: text(),
        }]
    }

    fn page(&mut self, mut evidence: Evidence) -> String {
        self.evidence(&mut evidence);
        let (proof, grants) = (self.proof(), self.grants());
        html(&evidence, &proof, &grants, NOW_US)
    }
}

/// One receipt whose kind is `kind`, and one of everything else.
fn small(kind: &str) -> Evidence {
    let mut evidence = example::evidence();
    evidence.receipts = vec![
        example::done(0, "a", kind, "b", "c"),
        example::refused(1, "a", kind, "b", "c"),
        example::lost(2, "a", kind, "b", "c"),
    ];
    evidence.calls.truncate(1);
    evidence.changes.truncate(1);
    evidence
}

/// Text as an attacker would write it, or any at all.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>alert(1)</script>".to_owned()),
        Just("</pre></details></td><h1>Verified</h1>".to_owned()),
        Just("</style></title><!--".to_owned()),
        Just("-->\"'><img src=x onerror=y>".to_owned()),
        Just("&lt;b&gt;&#60;".to_owned()),
        Just("\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{feff}".to_owned()),
        Just("\r\n\t\0\u{1b}[31m\u{85}\u{2028}".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The tags of pages whose texts are harmless.
fn vocabulary() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for kind in KINDS {
        for evidence in [small(kind), example::evidence()] {
            let mut text = 0;
            let mut texts = Texts(|| {
                text += 1;
                format!("x{text}")
            });
            let harmless = texts.page(evidence.clone());
            let proof = example::proof();
            let plain = html(&evidence, &proof, &example::grants(), NOW_US);
            // The text of the example is hostile; its tags are those of the template all the same.
            for page in [&harmless, &plain] {
                known.extend(tags(page).into_iter().map(str::to_owned));
            }
        }
    }
    known
}

const KINDS: [&str; 4] = ["http.request", "fs.create", "fs.stat", "env.read"];

#[test]
fn the_vocabulary_is_small_and_has_nothing_that_acts() {
    for tag in vocabulary() {
        let name = tag
            .trim_start_matches(['<', '/'])
            .split([' ', '>'])
            .next()
            .unwrap();
        let names = "!doctype html head meta title style body header main nav section footer h1 h2 h3 p ul li a dl dt dd pre code b br strong div table caption thead tbody tr th td details summary";
        assert!(names.split(' ').any(|known| known == name), "{tag}");
    }
}

#[test]
fn the_texts_of_the_example_are_shown() {
    let page = html(&example::evidence(), &example::proof(), &[], NOW_US);
    for shown in [
        r"/tmp/&lt;script&gt;alert(1)&lt;/script&gt;\u{a}&lt;img src=x onerror=alert(2)&gt;\u{202e}txt.exe",
        r"/project/docs/&#39;quoted&#39; &amp; \u{200b}hidden\u{2066}.md",
        "crawler&quot; onmouseover=&quot;x",
        "--&gt;&lt;script&gt;alert(3)&lt;/script&gt;",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_becomes_markup(
        pool in prop::collection::vec(hostile(), 1..12),
        kind in 0..KINDS.len(),
    ) {
        let mut next = pool.iter().cycle();
        let page = Texts(|| next.next().unwrap().clone()).page(small(KINDS[kind]));
        let known = vocabulary_once();
        for tag in tags(&page) {
            prop_assert!(known.contains(tag), "{}", tag);
        }
        prop_assert!(!page.contains(is_invisible));
    }

    #[test]
    fn a_page_has_as_many_tags_whatever_its_texts_say(
        pool in prop::collection::vec(hostile(), 1..12),
        kind in prop::sample::select(vec!["fs.create", "fs.stat", "env.read"]),
    ) {
        let mut next = pool.iter().cycle();
        let hostile = Texts(|| next.next().unwrap().clone()).page(small(kind));
        // The same texts stay the same, so that rows are grouped alike.
        let mut names: HashMap<&String, String> = HashMap::new();
        let mut next = pool.iter().cycle();
        let harmless = Texts(|| {
            let text = next.next().unwrap();
            let name = format!("x{}", names.len());
            names.entry(text).or_insert(name).clone()
        }).page(small(kind));
        prop_assert_eq!(hostile.matches('<').count(), harmless.matches('<').count());
        prop_assert_eq!(hostile.matches('>').count(), harmless.matches('>').count());
        prop_assert_eq!(hostile.matches('"').count(), harmless.matches('"').count());
    }

    #[test]
    fn a_kind_is_text_too(kind in hostile()) {
        let page = html(&small(&kind), &example::proof(), &example::grants(), NOW_US);
        let known = vocabulary_once();
        for tag in tags(&page) {
            prop_assert!(known.contains(tag), "{}", tag);
        }
    }
}

fn vocabulary_once() -> &'static BTreeSet<String> {
    static KNOWN: std::sync::OnceLock<BTreeSet<String>> = std::sync::OnceLock::new();
    KNOWN.get_or_init(vocabulary)
}

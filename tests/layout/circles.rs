//! The modules of a folder know each other without circles, so that whoever reads one comes to an end. A module and those
//! in its own folder are one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::tree::{SourceFile, code, source_files};

/// The folder that is held to it, with all that are in it.
const TOP: &str = "crates/engine/src";

/// Which modules of a folder name which others.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The module of a file by the names that lead to it from the crate.
fn module(path: &str) -> Vec<&str> {
    let (_, path) = path.split_once("/src/").unwrap_or_default();
    let path = path.trim_end_matches(".rs");
    path.split('/').filter(|name| !name.is_empty() && path != "lib").collect()
}

/// The single paths of what may be grouped by braces.
fn single(tree: &str, before: &str, found: &mut Vec<String>) {
    let Some((start, group)) = tree.split_once('{') else {
        found.push(format!("{before}{}", tree.split(" as ").next().unwrap_or(tree).trim()));
        return;
    };
    let before = format!("{before}{}", start.trim());
    let (mut depth, mut entry) = (0, String::new());
    for character in group.trim_end().trim_end_matches('}').chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        if character == ',' && depth == 0 {
            single(&std::mem::take(&mut entry), &before, found);
        } else {
            entry.push(character);
        }
    }
    if !entry.trim().is_empty() {
        single(&entry, &before, found);
    }
}

/// What is imported.
static USES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^ *(?:pub(?:\(.*?\))? )?use ([^;]+);").unwrap());
/// A path that is written where it is used.
static INLINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap());
/// A module or an import that only tests have.
static OF_TESTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))?\s+)?(?:mod|use)\s[^;{]+;").unwrap());

/// What a file names, by paths from the crate; without what its tests name.
fn named(file: &SourceFile) -> Vec<Vec<String>> {
    let text = code(&file.text);
    let text = OF_TESTS.replace_all(&text, "");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut paths: Vec<String> = INLINE.find_iter(text).map(|path| path.as_str().to_owned()).collect();
    for used in USES.captures_iter(text) {
        single(&used[1].replace('\n', " "), "", &mut paths);
    }
    let here = module(&file.path);
    let absolute = |path: &String| {
        let mut names: Vec<&str> = path.split("::").map(str::trim).collect();
        let up = names.iter().take_while(|name| **name == "super").count();
        let start = match names[0] {
            "crate" => &here[..0],
            _ => &here[..here.len().saturating_sub(up)],
        };
        names.drain(..up.max(usize::from(names[0] == "crate")));
        start.iter().chain(&names).map(|name| (*name).to_owned()).collect()
    };
    paths.iter().map(absolute).collect()
}

/// Which modules of a folder name which others, by themselves or by what the folder's own module has of them.
fn arrows(folder: &str, files: &[SourceFile]) -> Arrows {
    let top: Vec<String> = module(folder).into_iter().map(str::to_owned).collect();
    let within = |file: &&SourceFile| file.path.starts_with(&format!("{folder}/")) && !file.path.contains("tests");
    let inside: Vec<&SourceFile> = files.iter().filter(within).filter(|file| !module(&file.path).is_empty()).collect();
    let name = |file: &SourceFile| module(&file.path)[top.len()].to_owned();
    let modules: BTreeSet<String> = inside.iter().map(|file| name(file)).collect();
    let is_parent = |path: &str| path == format!("{folder}.rs") || path == format!("{folder}/lib.rs");
    let parent = files.iter().find(|file| is_parent(&file.path));
    let passed_on: BTreeMap<String, String> = parent
        .into_iter()
        .flat_map(named)
        .filter(|path| path.starts_with(&top))
        .filter_map(|path| Some((path.last()?.clone(), path.get(top.len())?.clone())))
        .filter(|(_, module)| modules.contains(module))
        .collect();
    let mut arrows = Arrows::new();
    for file in inside {
        let known = named(file).into_iter().filter(|path| path.starts_with(&top));
        let known = known.filter_map(|path| path.get(top.len()).cloned());
        let known = known.map(|known| passed_on.get(&known).cloned().unwrap_or(known));
        let known = known.filter(|known| modules.contains(known) && *known != name(file));
        arrows.entry(name(file)).or_default().extend(known);
    }
    arrows
}

/// The modules from which one comes back to themselves, or that lie between such.
fn circle(mut arrows: Arrows) -> Vec<String> {
    loop {
        let reached: BTreeSet<String> = arrows.values().flatten().cloned().collect();
        let count = arrows.len();
        arrows.retain(|module, known| reached.contains(module) && !known.is_empty());
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        for known in arrows.values_mut() {
            known.retain(|known| left.contains(known));
        }
        if arrows.len() == count {
            return left.into_iter().collect();
        }
    }
}

#[test]
fn modules_know_each_other_without_circles() {
    let files = source_files();
    let within = files.iter().filter(|file| file.path.starts_with(TOP) && !file.path.contains("tests"));
    let folders: BTreeSet<&str> = within.filter_map(|file| Some(file.path.rsplit_once('/')?.0)).collect();
    assert!(folders.len() > 6 && folders.contains(TOP), "{folders:?}");
    let mut count = 0;
    for folder in folders {
        let arrows = arrows(folder, &files);
        count += arrows.values().flatten().count();
        assert_eq!(circle(arrows), Vec::<String>::new(), "modules of {folder} know each other in a circle");
    }
    assert!(count > 200, "next to no arrows: {count}");
}

#[test]
fn a_circle_is_found() {
    let file = |path: &str, text: &str| SourceFile { path: format!("crates/x/src/{path}"), text: text.to_owned() };
    let start = |text: &str| file("a/start.rs", text);
    let found = |start: SourceFile| {
        let files = [
            file("a.rs", "mod finish;\nuse finish::Finish;\npub use start::{Plan, Start as Begin};"),
            file("a/advance.rs", "use super::{\n    finish::{self, Finish}, start,\n};\nuse crate::b::{Other};"),
            file(
                "a/finish.rs",
                "//! Not `start`.\nuse crate::weights;\n#[cfg(test)]\nmod tests { use super::super::start; }",
            ),
            file("a/finish/part.rs", "use crate::a::leaf;\nuse super::Finish;"),
            file("a/finish/tests.rs", "use super::super::advance;"),
            file("a/leaf.rs", ""),
            file("b.rs", "use crate::a::start;"),
            start,
        ];
        circle(arrows("crates/x/src/a", &files))
    };
    assert_eq!(found(start("use super::leaf;\nuse crate::b;")), [""; 0]);
    let ring = ["advance", "start"];
    assert_eq!(found(start("use super::advance::{go_on};")), ring);
    assert_eq!(found(start("use super::{leaf, advance as other};")), ring);
    assert_eq!(found(start("fn f() { crate::a::advance::go_on() }")), ring);
    assert_eq!(
        found(file("a/leaf.rs", "use super::Finish;")),
        ["finish", "leaf"],
        "by the name that the folder has of it"
    );
}

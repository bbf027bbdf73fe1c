//! Links between the pages of the repository lead somewhere: to a file or folder that is there, and to a heading in it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::tree::{SourceFile, source_files};

fn is_page(file: &SourceFile) -> bool {
    Path::new(&file.path).extension().is_some_and(|ending| ending == "md")
}

/// The targets of the links of a page, with the numbers of their lines. Code has none.
fn links(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
        found.extend(targets.map(|target| (index + 1, target.to_owned())));
    }
    found
}

/// The name under which a heading can be linked to: small letters, digits and hyphens for spaces.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// A target as a path from the top of the repository; `None` where it leads out of it.
fn resolved(page: &str, target: &str) -> Option<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    Some(path.to_string_lossy().into_owned())
}

fn broken_links(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for page in files.iter().filter(|file| is_page(file)) {
        for (line, link) in links(&page.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (target, heading) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let path = if target.is_empty() {
                Some(page.path.clone())
            } else {
                resolved(&page.path, target.trim_end_matches('/'))
            };
            let is_there = |path: &String| {
                files.iter().any(|file| file.path == *path || file.path.starts_with(&format!("{path}/")))
            };
            let Some(path) = path.filter(is_there) else {
                broken.push(format!("{}:{line} links to {link}, which is not there", page.path));
                continue;
            };
            let has_heading = files.iter().any(|file| file.path == path && anchors(&file.text).contains(heading));
            if !heading.is_empty() && !has_heading {
                broken.push(format!("{}:{line} links to {link}, and {path} has no such heading", page.path));
            }
        }
    }
    broken
}

fn page(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn a_broken_link_is_found() {
    let other = page("docs/other.md", "# Other\n\n## What `Restore` does\n");
    for good in
        ["other.md", "./other.md", "../docs/other.md#what-restore-does", "../docs/", "#here", "https://a.example/x"]
    {
        let from =
            page("docs/from.md", &format!("# Here\n\nSee [`it`]({good}), not `[a](b)`.\n```\n[no](link)\n```\n"));
        assert_eq!(broken_links(&[from, page(&other.path, &other.text)]), [""; 0], "{good}");
    }
    for bad in ["another.md", "other.md#what", "#there", "../../up.md"] {
        let from = page("docs/from.md", &format!("# Here\n\nSee [it]({bad}).\n"));
        let found = broken_links(&[from, page(&other.path, &other.text)]);
        assert_eq!(found.len(), 1, "{bad}");
        assert!(found[0].starts_with("docs/from.md:3 links to "), "{found:?}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let broken = broken_links(&source_files());
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

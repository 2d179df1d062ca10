//! Who may know whom. One package means that the compiler does not keep these arrows, so this test does: it reads
//! every source file and compares what is named there with the table of the design. Test code may know everybody.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::Visit;

#[path = "architecture/arrows.rs"]
mod arrows;

use arrows::{CRATES, MAY_USE, NEVER, SET_CRATES, SIM_DRIVERS};

/// One file, and what is wrong in it.
struct Reader<'a> {
    /// Where the file's module is: `["kiosk", "effects"]`.
    module: Vec<String>,
    /// Inline modules around what is being read.
    inline: Vec<String>,
    file: &'a str,
    wrong: Vec<String>,
}

impl Reader<'_> {
    fn read(file: &str, module: &[&str], source: &str) -> Vec<String> {
        let parsed = syn::parse_file(source).unwrap_or_else(|error| panic!("{file}: {error}"));
        let module = module.iter().map(|part| (*part).to_owned()).collect();
        let mut reader = Reader { module, inline: Vec::new(), file, wrong: Vec::new() };
        reader.visit_file(&parsed);
        reader.wrong
    }

    fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// Judges a path as it stands in the source.
    fn judge(&mut self, path: &[String], line: usize) {
        let mut here: Vec<String> = self.module.iter().chain(&self.inline).cloned().collect();
        let Some((first, mut rest)) = path.split_first() else { return };
        match first.as_str() {
            "crate" | "esim_kiosk" => here.clear(),
            "self" => {}
            "super" => {
                here.pop();
                while let Some((next, after)) = rest.split_first().filter(|(next, _)| *next == "super") {
                    debug_assert_eq!(next, "super");
                    here.pop();
                    rest = after;
                }
            }
            name => {
                self.judge_crate(name, line);
                return;
            }
        }
        here.extend(rest.iter().cloned());
        self.judge_inside(&here, line);
    }

    fn judge_crate(&mut self, name: &str, line: usize) {
        let Some((_, may)) = CRATES.iter().find(|(known, _)| *known == name) else { return };
        let here = self.module.join("::");
        if !may.iter().any(|allowed| below(&here, allowed)) && !matches!(self.top(), "lib" | "main") {
            self.wrong.push(format!("{}:{line}: {here} names the crate {name}", self.file));
        }
    }

    fn judge_inside(&mut self, target: &[String], line: usize) {
        let top = self.top().to_owned();
        let target_text = target.join("::");
        let mut complain = |why: &str| {
            self.wrong.push(format!("{}:{line}: {top} uses {target_text}: {why}", self.file));
        };
        let Some(goal) = target.first() else {
            if top != "lib" {
                complain("the root of the package under another name hides what is used");
            }
            return;
        };
        if *goal == top || top == "lib" {
            return;
        }
        if goal == "*" {
            complain("a glob of the whole package hides what is used");
            return;
        }
        if goal == "sim" {
            complain("simulators are never in the product");
            return;
        }
        let here = self.module.join("::");
        if top == "sim" && SIM_DRIVERS.iter().any(|driver| self.module.iter().any(|part| part == driver)) {
            return;
        }
        let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == top) else {
            complain("the module stands in no row of the table");
            return;
        };
        if !may.iter().any(|allowed| *allowed == "*" || below(&target_text, allowed)) {
            complain("the table has no such arrow");
        }
        let closed = NEVER.iter().filter(|(name, _)| below(&here, name)).flat_map(|(_, never)| never.iter());
        for never in closed {
            if below(&target_text, never) {
                complain("it is an implementation behind a contract");
            }
        }
    }

    fn judge_use(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.judge_use(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.judge_use(item, before)),
            leaf => {
                let (name, line) = match leaf {
                    syn::UseTree::Name(name) => (name.ident.to_string(), name.span().start().line),
                    syn::UseTree::Rename(rename) => (rename.ident.to_string(), rename.span().start().line),
                    _ => ("*".to_owned(), leaf.span().start().line),
                };
                let mut whole = before.clone();
                // `a::{self as b}` is a.
                if name != "self" || whole.is_empty() {
                    whole.push(name);
                }
                self.judge(&whole, line);
            }
        }
    }

    /// What a macro is given is no syntax tree yet: paths that begin with `crate` are found all the same.
    fn judge_tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let colons = |at: usize| {
            matches!(trees.get(at), Some(TokenTree::Punct(one)) if one.as_char() == ':')
                && matches!(trees.get(at + 1), Some(TokenTree::Punct(two)) if two.as_char() == ':')
        };
        for (at, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => self.judge_tokens(group.stream()),
                TokenTree::Ident(start) if *start == "crate" => {
                    let mut path = vec!["crate".to_owned()];
                    let mut next = at + 1;
                    while colons(next)
                        && let Some(TokenTree::Ident(part)) = trees.get(next + 2)
                    {
                        path.push(part.to_string());
                        next += 3;
                    }
                    if path.len() > 1 {
                        self.judge(&path, start.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether `path` is `root` or lies below it.
fn below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `#[cfg(test)]`, and nothing that a product could be built with.
fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !only_for_tests(&item.attrs) {
            self.judge_use(&item.tree, &mut Vec::new());
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if only_for_tests(&item.attrs) {
            return;
        }
        self.inline.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.inline.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !only_for_tests(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !only_for_tests(&item.attrs) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let whole: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.judge(&whole, path.span().start().line);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.judge_tokens(item.tokens.clone());
        syn::visit::visit_macro(self, item);
    }
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The module of a file, or none where it is compiled for tests alone.
fn module_of(file: &Path) -> Option<Vec<String>> {
    let parts: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let for_tests = |part: &String| part == "tests" || part.ends_with("_tests") || part == "doubles";
    if parts.iter().any(for_tests) || parts.first().is_some_and(|first| first == "bin") {
        return None;
    }
    Some(parts.into_iter().filter(|part| part != "mod" && part != "lib").collect())
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_module_knows_only_whom_it_may() {
    let root = package().join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 60, "the sources are somewhere else");
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("below src");
        let Some(module) = module_of(relative) else { continue };
        let source = std::fs::read_to_string(&file).expect("readable");
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        wrong.extend(Reader::read(&format!("src/{}", relative.display()), &module, &source));
    }
    assert!(wrong.is_empty(), "{} arrows point the wrong way:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn planted_violations_are_caught() {
    let caught = |module: &[&str], source: &str| !Reader::read("planted.rs", module, source).is_empty();
    for (module, source) in [
        (&["sale"][..], "use crate::esim::Outcome;"),
        (&["sale", "rules"], "use crate::{money::Amount, journal::Journal};"),
        (&["sale", "rules"], "use crate::payment as till;"),
        (&["sale", "rules"], "use super::super::kiosk::View;"),
        (&["sale", "rules"], "use super::super as root;"),
        (&["sale"], "use crate as everything;"),
        (&["sale"], "use crate::*;"),
        (&["sale"], "use crate::{self as everything};"),
        (&["sale"], "fn f() -> crate::printer::PrinterState { loop {} }"),
        (&["sale"], "fn f() { let x = super::printer::open(); }"),
        (&["sale"], "fn f() { println!(\"{}\", crate::config::Log::default().filter); }"),
        (&["sale"], "mod inner { use super::super::ui::Surface; }"),
        (&["sale"], "fn f() { tokio::spawn(async {}); }"),
        (&["payment", "zvt"], "use crate::printer::ReceiptPrinter;"),
        (&["kiosk"], "use crate::payment::zvt::ZvtTerminal;"),
        (&["kiosk", "effects"], "use crate::journal::{Journal, sqlite::SqliteJournal};"),
        (&["kiosk"], "fn f(c: &rusqlite::Connection) {}"),
        (&["kiosk"], "use crate::sim::memory::MemoryDisk;"),
        (&["kiosk"], "#[cfg(any(test, feature = \"sim\"))] use crate::sim::pty;"),
        (&["assembly"], "use crate::sim::pty;"),
        (&["ui", "show"], "use crate::sale::Sale;"),
        (&["catalogue"], "use slint::SharedString;"),
        (&["watchdog"], "use crate::sale::Sale;"),
        (&["metrics"], "use crate::sale::Sale;"),
        (&["sim", "terminal"], "use crate::payment::zvt::frame;"),
        (&["helpers"], "use crate::money::Amount;"),
    ] {
        assert!(caught(module, source), "{module:?} may not {source:?}, and nobody noticed");
    }
    for (module, source) in [
        (&["sale", "rules"][..], "use crate::money::Amount; use super::Sale; use super::super::money::Exact;"),
        (&["kiosk"], "use crate::journal::{Append, Journal}; use crate::payment::TerminalOrder;"),
        (&["kiosk"], "#[cfg(test)] mod tests { use crate::sim::memory::MemoryDisk; }"),
        (&["ui"], "use slint::ComponentHandle; use crate::kiosk::View;"),
        (&["assembly"], "use crate::payment::zvt::ZvtTerminal;"),
        (&["sim", "torture"], "use crate::payment::zvt::ZvtTerminal;"),
    ] {
        assert!(!caught(module, source), "{module:?} may {source:?}: {:?}", Reader::read("x", module, source));
    }
}

#[test]
fn the_twelve_crates_are_direct_dependencies() {
    let manifest = std::fs::read_to_string(package().join("Cargo.toml")).expect("the manifest");
    let manifest: BTreeMap<String, toml::Value> = toml::from_str(&manifest).expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    for name in SET_CRATES {
        assert!(dependencies.contains_key(name), "{name} is not a direct dependency");
    }
    let default = &manifest["features"]["default"];
    assert!(!default.to_string().contains("sim"), "simulators are in no shipped build");
}

#[test]
fn nothing_is_named_for_being_left_over() {
    let root = package().join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let names =
        ["core", "common", "utils", "util", "helpers", "helper", "manager", "service", "domain", "misc", "types"];
    for file in files {
        let named = file.with_extension("");
        let relative = named.strip_prefix(&root).expect("below src");
        let bad = relative.components().find(|part| names.iter().any(|name| part.as_os_str() == *name));
        assert!(bad.is_none(), "{} is named for nothing of the trade", file.display());
    }
}

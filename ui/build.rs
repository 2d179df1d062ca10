//! Compiles the screens with their translations and gathers the flags, when anything is drawn (feature `screen`).

include!("receipt_words.rs");

fn main() {
    println!("cargo:rerun-if-changed=ui");
    write_receipt_words();
    #[cfg(feature = "screen")]
    {
        screens();
        flags();
    }
}

/// The screens become Rust; the languages of `ui/lang` are bundled.
#[cfg(feature = "screen")]
fn screens() {
    let debug = std::env::var("DEBUG").is_ok_and(|level| level != "false" && level != "0");
    let configuration = slint_build::CompilerConfiguration::new()
        .with_style("fluent-light".into())
        .with_bundled_translations("ui/lang")
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        .with_debug_info(debug);
    slint_build::compile_with_config("ui/main.slint", configuration).expect("ui/main.slint compiles");
}

/// `flags.rs`: code and PNG of every flag, sorted by code.
#[cfg(feature = "screen")]
fn flags() {
    let folder =
        std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("ui/assets/flags");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("ui/assets/flags is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "png"))
        .collect();
    files.sort();
    let mut table = String::from(
        "/// Code in lower case and PNG, sorted by code.\npub(super) static FLAGS: &[(&str, &[u8])] = &[\n",
    );
    for file in &files {
        let code = file.file_stem().and_then(|name| name.to_str()).expect("a flag is named by its code");
        table.push_str(&format!("    ({code:?}, include_bytes!({:?})),\n", file.display().to_string()));
    }
    table.push_str("];\n");
    let out = std::path::Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("flags.rs");
    #[allow(clippy::disallowed_methods, reason = "a build directory is made anew, never recovered")]
    std::fs::write(out, table).expect("OUT_DIR can be written");
}

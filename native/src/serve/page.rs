//! The page: files that are in the binary, or were read from a folder at the start. A request names
//! one of them exactly, or nothing: no path of the disk is ever made from it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use sha1::{Digest, Sha1};

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The most files of a page in a folder: a folder with more is another one than was meant.
pub const MAX_PAGE_FILES: usize = 1_000;
/// The most bytes of a page in a folder.
pub const MAX_PAGE_BYTES: u64 = 64 * 1024 * 1024;

/// What a page may do: run its own scripts and wasm, ask relays, trackers and web seeds, and nothing
/// of what a stranger's text could make it do.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' ws: wss: http: https:; \
    worker-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default";

/// Vite names what is in here by its content: it never changes.
const HASHED: &str = "/assets/";

const MISSING: &str = "Gannet runs, and shares what it was told to. This binary was built without \
    the page.\nBuild it with `cargo xtask www`, then build gannet again; or name a folder with \
    --www.\n\nWhat is shared: /gannet.json\n";

/// A file of the page.
#[derive(Debug)]
struct File {
    content: Bytes,
    kind: &'static str,
    /// Changes with the content.
    tag: String,
}

/// The page.
#[derive(Debug)]
pub(super) struct Page(BTreeMap<String, File>);

/// Why a folder can't be the page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Something in it can't be read.
    #[error("{}", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is too large.
    #[error("{}: more than {MAX_PAGE_FILES} files or {MAX_PAGE_BYTES} bytes: not a page", .0.display())]
    TooLarge(PathBuf),
    /// It has no `index.html`.
    #[error("{}: there is no index.html", .0.display())]
    NoIndex(PathBuf),
}

impl Page {
    /// The page in the binary; it has no file if there was none to put in.
    pub(super) fn embedded() -> Self {
        let files = EMBEDDED.iter();
        Self(files.map(|&(path, content)| file(path, Bytes::from_static(content))).collect())
    }

    /// The page in a folder. Blocks on the disk.
    pub(super) fn read(folder: &Path) -> Result<Self, PageError> {
        let (mut files, mut bytes) = (BTreeMap::new(), 0);
        let mut folders = vec![(folder.to_owned(), String::new())];
        while let Some((path, prefix)) = folders.pop() {
            let failed = |source| PageError::Read { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    folders.push((entry.path(), name));
                } else if kind.is_file() {
                    bytes += entry.metadata().map_err(failed)?.len();
                    if bytes > MAX_PAGE_BYTES || files.len() >= MAX_PAGE_FILES {
                        return Err(PageError::TooLarge(folder.to_owned()));
                    }
                    files.extend([file(&name, fs::read(entry.path()).map_err(failed)?.into())]);
                }
            }
        }
        let has_index = files.contains_key("/index.html");
        has_index.then_some(Self(files)).ok_or_else(|| PageError::NoIndex(folder.to_owned()))
    }

    /// Whether there is one.
    pub(super) fn is_there(&self) -> bool {
        !self.0.is_empty()
    }

    /// The answer to a path, if it is a file of the page.
    pub(super) fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let path = if path == "/" { "/index.html" } else { path };
        if path == "/index.html" && !self.is_there() {
            return Some((StatusCode::OK, policy(), MISSING).into_response());
        }
        let file = self.0.get(path)?;
        let cached = match path.starts_with(HASHED) {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        let always = [(header::CACHE_CONTROL, cached), (header::ETAG, &file.tag)];
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == file.tag.as_str()) {
            return Some((StatusCode::NOT_MODIFIED, always).into_response());
        }
        let kind = [(header::CONTENT_TYPE, file.kind)];
        Some((always, kind, policy(), file.content.clone()).into_response())
    }
}

const fn policy() -> [(HeaderName, &'static str); 1] {
    [(header::CONTENT_SECURITY_POLICY, POLICY)]
}

fn file(path: &str, content: Bytes) -> (String, File) {
    let digest = Sha1::digest(&content);
    let tag = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    (path.to_owned(), File { content, kind: kind(path), tag: format!("\"{tag}\"") })
}

/// What a file is, by its name. What isn't known is shown as nothing and run as nothing.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Page, PageError>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let page = Page::read(folder.path());
        (folder, page)
    }

    fn header_of(response: &Response, name: HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn what_is_named_by_its_content_is_kept_for_ever_and_the_rest_is_asked_for_again() {
        let (_folder, page) = page(&[("index.html", "<!doctype html>"), ("assets/x-1.js", "1")]);
        let page = page.unwrap();
        let index = page.answer("/", &HeaderMap::new()).unwrap();
        assert_eq!(header_of(&index, header::CACHE_CONTROL), "no-cache");
        assert_eq!(header_of(&index, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert!(header_of(&index, header::CONTENT_SECURITY_POLICY).contains("default-src 'none'"));
        let script = page.answer("/assets/x-1.js", &HeaderMap::new()).unwrap();
        assert!(header_of(&script, header::CACHE_CONTROL).contains("immutable"));
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, index.headers()[header::ETAG].clone());
        assert_eq!(page.answer("/", &headers).unwrap().status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_path_that_is_no_file_of_the_page_is_nothing_however_it_is_written() {
        let (_folder, page) = page(&[("index.html", ""), ("a/b.js", "")]);
        let page = page.unwrap();
        for path in ["/a", "/a/../index.html", "//index.html", "/..%2findex.html", "/etc/passwd"] {
            assert!(page.answer(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_folder_without_an_index_is_no_page() {
        assert!(matches!(page(&[("a.js", "")]).1, Err(PageError::NoIndex(_))));
    }
}

//! What the engine asks of the JavaScript around it. The types stand in `npm/src/worker/host.ts`.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "import type { \
    Host, EngineOptions, AddOptions, Description, DescribedMagnet, Stats } from '../src/worker/host.js';";

#[wasm_bindgen]
extern "C" {
    /// Milliseconds that only go forward.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn performance_now() -> f64;

    /// Carries out what the engine wants.
    #[wasm_bindgen(typescript_type = "Host")]
    pub type Host;

    /// Have [`Engine::tick`](crate::Engine::tick) called after so many milliseconds, and no more
    /// for what was armed before.
    #[wasm_bindgen(method)]
    pub(crate) fn arm(this: &Host, delay_millis: f64);

    /// Something that the user may want to know.
    #[wasm_bindgen(method)]
    pub(crate) fn news(this: &Host, torrent: f64, kind: &str, detail: &JsValue);

    /// Connect to a peer of a torrent.
    #[wasm_bindgen(method)]
    pub(crate) fn connect(this: &Host, peer: f64, torrent: f64, addr: &str);

    /// Send bytes, which are the host's own from now on.
    #[wasm_bindgen(method)]
    pub(crate) fn send(this: &Host, peer: f64, bytes: Uint8Array);

    /// End a connection after what was to be sent.
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Host, peer: f64);

    /// Ask one of the caller's functions for a piece.
    #[wasm_bindgen(method)]
    pub(crate) fn fetch(this: &Host, source: f64, piece: u32, length: u32);

    /// The answer to a fetch isn't wanted any more.
    #[wasm_bindgen(method, js_name = cancelFetch)]
    pub(crate) fn cancel_fetch(this: &Host, source: f64, piece: u32);

    /// Open a torrent's files.
    #[wasm_bindgen(method)]
    pub(crate) fn open(this: &Host, order: u32, torrent: f64, files: JsValue, wanted: &[u8]);

    /// Note the user's choice of files.
    #[wasm_bindgen(method)]
    pub(crate) fn select(this: &Host, order: u32, torrent: f64, wanted: &[u8]);

    /// Hash a piece and, if it is right, write it.
    #[wasm_bindgen(method)]
    pub(crate) fn store(
        this: &Host,
        order: u32,
        torrent: f64,
        offset: f64,
        bytes: Uint8Array,
        hash: Uint8Array,
        digests: bool,
    );

    /// Write bytes that aren't verified yet.
    #[wasm_bindgen(method)]
    pub(crate) fn spill(this: &Host, order: u32, torrent: f64, offset: f64, bytes: Uint8Array);

    /// Read back and hash.
    #[wasm_bindgen(method)]
    pub(crate) fn check(
        this: &Host,
        order: u32,
        torrent: f64,
        offset: f64,
        length: u32,
        hash: Uint8Array,
        digests: bool,
    );

    /// Read.
    #[wasm_bindgen(method)]
    pub(crate) fn read(this: &Host, order: u32, torrent: f64, offset: f64, length: u32);

    /// Sync, and then keep what [`Engine::record`](crate::Engine::record) gives, or nothing if all is
    /// complete.
    #[wasm_bindgen(method)]
    pub(crate) fn checkpoint(this: &Host, order: u32, torrent: f64, complete: bool);

    /// Close a torrent's files.
    #[wasm_bindgen(method, js_name = closeFiles)]
    pub(crate) fn close_files(this: &Host, order: u32, torrent: f64);
}

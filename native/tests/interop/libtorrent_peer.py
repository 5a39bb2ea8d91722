"""libtorrent as the other side: makes, seeds or downloads one torrent.

    make PATH TORRENT [--tracker URL] [--piece-length BYTES]
    seed TORRENT DIR [--listen ADDR]
    get  SOURCE  DIR [--peer ADDR]... [--listen ADDR] [--limit SECONDS]
    scrape TORRENT DIR [--listen ADDR]

`seed` prints `listening PORT` once every piece is checked, then serves until it is killed.
`get` prints `finished SECONDS`, counted from before the session exists until the last piece passed.
SOURCE is a .torrent or a magnet link. `make` prints the info hash, `scrape` prints
`scraped COMPLETE INCOMPLETE` as the tracker says.
"""

import argparse
import os
import signal
import sys
import time

import libtorrent as lt


def session(listen):
    """TCP alone, in the clear, to the named peers only: nothing but the protocol and its speed."""
    return lt.session({
        "listen_interfaces": listen,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "in_enc_policy": int(lt.enc_policy.pe_disabled),
        "out_enc_policy": int(lt.enc_policy.pe_disabled),
        "allow_multiple_connections_per_ip": True,
        "alert_mask": int(lt.alert.category_t.error_notification),
    })


def source(text, folder):
    """The parameters of a .torrent or of a magnet link, kept in `folder`, without any limit."""
    params = lt.parse_magnet_uri(text) if text.startswith("magnet:") else lt.load_torrent_file(text)
    params.save_path = folder
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    params.storage_mode = lt.storage_mode_t.storage_mode_sparse
    return params


def until(condition, limit, what):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"libtorrent: {what} took more than {limit} s")
        time.sleep(0.01)


def make(args):
    files = lt.list_files(args.path)
    torrent = lt.create_torrent(files, args.piece_length, lt.create_torrent.v1_only)
    for tier, url in enumerate(args.tracker):
        torrent.add_tracker(url, tier)
    lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(args.path)))
    with open(args.torrent, "wb") as out:
        out.write(lt.bencode(torrent.generate()))
    print(lt.load_torrent_file(args.torrent).info_hashes.v1)


def seed(args):
    host = session(args.listen)
    handle = host.add_torrent(source(args.torrent, args.folder))
    until(lambda: handle.status().is_seeding, 120, "checking")
    print("listening", host.listen_port(), flush=True)
    while True:
        time.sleep(3600)


def get(args):
    start = time.monotonic()
    host = session(args.listen)
    handle = host.add_torrent(source(args.source, args.folder))
    for peer in args.peer:
        address, port = peer.rsplit(":", 1)
        handle.connect_peer((address, int(port)))
    until(lambda: handle.status().is_seeding, args.limit, "the download")
    print(f"finished {time.monotonic() - start:.3f}", flush=True)


def scrape(args):
    host = session(args.listen)
    host.apply_settings({
        "alert_mask": int(lt.alert.category_t.tracker_notification),
        # Else nothing but announces goes to a tracker on this machine.
        "ssrf_mitigation": False,
    })
    handle = host.add_torrent(source(args.torrent, args.folder))
    handle.scrape_tracker()
    replies = []

    def replied():
        replies.extend(it for it in host.pop_alerts() if isinstance(it, lt.scrape_reply_alert))
        return replies

    until(replied, 20, "the scrape")
    print("scraped", replies[0].complete, replies[0].incomplete, flush=True)


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make")
    command.set_defaults(run=make)
    command.add_argument("path")
    command.add_argument("torrent")
    command.add_argument("--tracker", action="append", default=[])
    command.add_argument("--piece-length", type=int, default=0)
    command = commands.add_parser("seed")
    command.set_defaults(run=seed)
    command.add_argument("torrent")
    command.add_argument("folder")
    command.add_argument("--listen", default="127.0.0.1:0")
    command = commands.add_parser("get")
    command.set_defaults(run=get)
    command.add_argument("source")
    command.add_argument("folder")
    command.add_argument("--peer", action="append", default=[])
    command.add_argument("--listen", default="127.0.0.1:0")
    command.add_argument("--limit", type=float, default=60)
    command = commands.add_parser("scrape")
    command.set_defaults(run=scrape)
    command.add_argument("torrent")
    command.add_argument("folder")
    command.add_argument("--listen", default="127.0.0.1:0")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()

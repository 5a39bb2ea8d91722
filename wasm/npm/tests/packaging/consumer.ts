// A program as a user writes it, for the compiler alone: every public call, with its types.
import { Client, GannetError, GoneError } from 'gannet'
import { Client as Inline } from 'gannet/inline'
import { Client as Slim } from 'gannet/slim'
import type { ClientOptions, TorrentInput } from 'gannet'

const options: ClientOptions = { relays: ['wss://relay.example'], storage: 'opfs', memoryLimit: 1e9 }
const clients: Client[] = [new Client(options)]
new Inline(options)
new Slim({ ...options, wasm: new URL('https://example.org/gannet.wasm') })
new Slim({ wasm: new Uint8Array(8) })

export async function watch(input: TorrentInput, video: HTMLVideoElement, signal: AbortSignal) {
  const torrent = await clients[0]!.add(input, {
    files: ({ path, length }) => path.endsWith('.mp4') && length > 0,
    sequential: true,
    signal,
    sources: [async (piece, signal, length) => {
      if (piece === 3) throw new GoneError('that is all')
      signal.throwIfAborted()
      return new Uint8Array(length)
    }],
  })
  for await (const stats of torrent.progress({ interval: 100, signal })) {
    const share: number = stats.have_bytes / stats.wanted_bytes
    video.title = share.toFixed(2)
  }
  await torrent.done
  const file = torrent.files[0]!
  const name: string = file.name
  const length: number = file.length
  const blob: Blob = await file.blob()
  const reader: ReadableStreamDefaultReader<Uint8Array> = file.stream({ start: 0, end: length }).getReader()
  await reader.cancel()
  video.src = URL.createObjectURL(new File([blob], name))
}

export async function rest(files: File[], writable: WritableStream<Uint8Array>) {
  const client = new Client()
  const torrent = await client.seed(files, { trackers: ['https://tracker.example/announce'] })
  await torrent.addPeer('198.51.100.7:6881')
  const source = await torrent.addSource({ name: 'mine', fetch: () => new ArrayBuffer(torrent.pieceLength) })
  await source.remove()
  await torrent.pause()
  await torrent.resume()
  await torrent.files[0]!.saveTo(writable)
  try {
    await torrent.remove({ data: true })
  } catch (error) {
    if (error instanceof GannetError && error.name === 'RemovedError') return
    throw error
  }
  await client.close()
}

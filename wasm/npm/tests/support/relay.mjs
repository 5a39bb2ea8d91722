// The least that a relay can be (docs/relay-protocol.md): it joins pages of one swarm with each
// other and dials nobody. For tests of the page's side; the real one is `gannet relay`.
import { WebSocketServer } from 'ws';

const GONE = 4404;

export async function relay() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const swarms = new Map();
  const tickets = new Map();
  let numbers = 0;

  const ticket = (offer) => {
    const text = `ticket-${++numbers}`;
    tickets.set(text, offer);
    return text;
  };

  function control(socket) {
    let members;
    socket.on('message', (text) => {
      const said = JSON.parse(text);
      if (said.type !== 'join' || members) return;
      members = swarms.get(said.info_hash) ?? new Set();
      swarms.set(said.info_hash, members);
      const say = (message) => socket.send(JSON.stringify(message));
      say({ type: 'joined', version: 1, window: 1 << 20, idle_seconds: 60 });
      const addr = `[100::${(++numbers).toString(16)}]:1`;
      const peers = [...members].map((other) => ({ addr: other.addr, ticket: ticket({ to: other, addr }) }));
      if (peers.length > 0) say({ type: 'peers', peers });
      const member = { addr, say };
      members.add(member);
      socket.on('close', () => members.delete(member));
    });
  }

  /** The first to come waits for the other; then each gets what the other says. */
  function data(socket) {
    const early = [];
    let other;
    socket.once('message', (text) => {
      const offer = tickets.get(String(text));
      if (!offer) return socket.close(4401);
      const keep = (message, isBinary) => early.push([message, isBinary]);
      socket.on('message', keep);
      const join = (to) => {
        other = to;
        socket.off('message', keep);
        for (const [message, binary] of early) to.send(message, { binary });
        socket.on('message', (message, binary) => to.send(message, { binary }));
        socket.on('close', () => to.close(1000));
      };
      if (offer.first) {
        offer.first(socket);
        join(offer.socket);
      } else {
        const back = ticket({ first: (to) => join(to), socket });
        offer.to.say({ type: 'incoming', addr: offer.addr, ticket: back, url: null });
        setTimeout(() => other ?? socket.close(GONE), 10_000).unref();
      }
    });
  }

  server.on('connection', (socket, request) => {
    if (request.url === '/v1/swarm') control(socket);
    else data(socket);
  });
  await new Promise((resolve) => server.on('listening', resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    close() {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

// bittorrent-tracker on loopback, at the port that is named: HTTP and UDP, nothing else.
import Server from 'bittorrent-tracker/server'

const server = new Server({ http: true, udp: true, ws: false, stats: false })
server.on('error', error => {
  console.error(error.message)
  process.exit(1)
})
const host = '127.0.0.1'
server.listen(Number(process.argv[2]), { http: host, udp: host, udp6: '::1' })

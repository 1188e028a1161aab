const [port] = process.argv.slice(2).map(Number)

require('net')
  .createServer({ noDelay: true }, socket => {
    socket.on('data', data => socket.write(data))
    socket.on('error', () => {})
  })
  .listen(port, '127.0.0.1', 2048)

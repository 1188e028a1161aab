const [port] = process.argv.slice(2).map(Number)
const body = Buffer.from('Hello, World!')

require('http')
  .createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length })
    response.end(body)
  })
  .listen(port, '127.0.0.1', 2048)

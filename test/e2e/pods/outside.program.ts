/** An application outside of the cluster. Arguments: its name, its address and its port. Answers with its name and whom it sees. */
import { createServer } from 'node:http';

const [name = '', address = '', port = ''] = process.argv.slice(2);
createServer((request, response) => {
  response.end(`${name} ${request.socket.remoteAddress}\n`);
}).listen(Number(port), address, () => console.log('ready'));

// What a bundle says that runs where there are no packages.
const { createServer } = require('node:http');
const Primus = require('primus-rx');

const primus = new Primus(createServer());
const codes = [];
for (const fail of [() => primus.library(), () => Primus.createSocket({ transformer: 'sockjs' })]) {
  try {
    fail();
  } catch (error) {
    codes.push(error.code);
  }
}
console.log(JSON.stringify(codes));
primus.destroy();

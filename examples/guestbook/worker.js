// The worker process: shows that it is alive, once a second, until it is asked to end.
let beat = 0;

console.log("guestbook worker starts");
const timer = setInterval(() => {
  beat += 1;
  console.log(`heartbeat ${beat}`);
}, 1000);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    clearInterval(timer);
    console.log(`guestbook worker says goodbye after heartbeat ${beat}`);
  });
}

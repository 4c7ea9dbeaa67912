// A collector's phone sends its position while the page is open: every half minute, kept until the server has it.
"use strict";
(() => {
  const form = document.getElementById("send-positions");
  const button = form?.querySelector("button"), said = form?.querySelector("[role=status]");
  if (!button || !navigator.geolocation) return;
  const waiting = [];
  let sent = 0;
  button.hidden = false;
  const tell = (text, count) => { said.textContent = text.replace("{count}", count); };
  async function send() {
    if (!waiting.length) return;
    const batch = waiting.slice(0, 500), body = new FormData(form);
    body.append("points", JSON.stringify(batch));
    body.append("sent_at", Date.now());
    try {
      const answer = await fetch(form.action, { method: "POST", body });
      if (!answer.ok) throw new Error(answer.status);
      const found = await answer.json();
      waiting.splice(0, batch.length);
      sent += found.taken;
      tell(found.refused.length ? form.dataset.refused : form.dataset.sent, found.refused.length || sent);
    } catch { tell(form.dataset.failed); }
  }
  button.addEventListener("click", () => {
    button.hidden = true;
    tell(form.dataset.sending);
    let last = 0;
    navigator.geolocation.watchPosition(({ timestamp, coords: { longitude, latitude, accuracy } }) => {
      if (timestamp - last < 5000) return;
      last = timestamp;
      waiting.push([Math.round(timestamp), longitude, latitude, accuracy, null]);
      if (waiting.length === 1) send();
    }, () => tell(form.dataset.failed), { enableHighAccuracy: true, maximumAge: 5000 });
    setInterval(send, 30000);
  });
})();

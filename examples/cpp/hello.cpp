// A minimal server: sends the first argument of each `hello` event to all clients.
#include <bellwire.hpp>
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv) {
  bellwire::server io;
  auto nsp = io.of("/");
  nsp.on("hello", [nsp](const bellwire::event &ev) {
    nsp.emit("greeting", ev.get<std::string_view>("/0", "anonymous"));
    if (auto ack = ev.ack()) ack("heard");
  });
  const auto port = io.listen("127.0.0.1", argc > 1 ? static_cast<uint16_t>(atoi(argv[1])) : 3000);
  std::cout << "listening on " << port << std::endl;
  pause();
}

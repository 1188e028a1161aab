// What a C++ program does with the library, with the standard library's templates and exceptions in use beside it: the
// static library has instances of the same templates inside.
#include <toro.h>

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

using Callback = std::function<void(int)>;

extern "C" void call(int status, void *arg) {
  std::unique_ptr<Callback> callback(static_cast<Callback *>(arg));
  (*callback)(status);
}

class Lock {
public:
  explicit Lock(toro_reactor *reactor) : lock(toro_lock_new(reactor, 0)) {
    if (lock == nullptr) throw std::runtime_error("no lock");
  }
  ~Lock() { toro_lock_free(lock); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

  void acquire(toro_deadline deadline, Callback callback) {
    std::unique_ptr<Callback> argument(new Callback(std::move(callback)));
    int status = toro_lock_acquire(lock, deadline, call, argument.get(), nullptr);
    if (status != TORO_OK) throw std::runtime_error(toro_strerror(status));
    argument.release();
  }
  int release() { return toro_lock_release(lock); }

private:
  toro_lock *lock;
};

} // namespace

int main() {
  std::map<std::string, std::vector<int>> told;
  std::unordered_set<std::string> names;
  {
    std::unique_ptr<toro_reactor, void (*)(toro_reactor *)> reactor(toro_reactor_new(), toro_reactor_free);
    Lock lock(reactor.get());
    lock.acquire(toro_never(), [&](int status) { told["holder"].push_back(status); });
    lock.acquire(toro_after_ms(5), [&](int status) { told["late"].push_back(status); });
    if (toro_reactor_run(reactor.get()) != TORO_OK) return 2;
    lock.acquire(toro_never(), [&](int status) {
      told["next"].push_back(status);
      lock.release();
    });
    lock.release();
  }
  for (const auto &entry : told) names.insert(entry.first + std::to_string(entry.second.at(0)));
  int caught = 0;
  try {
    told.at("nobody");
  } catch (const std::out_of_range &) {
    caught++;
  }
  bool works = caught == 1 && names == std::unordered_set<std::string>{"holder0", "late1", "next0"};
  std::printf("toro %s %s\n", toro_version(), works ? "works" : "does not work");
  return works ? 0 : 1;
}

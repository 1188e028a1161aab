import CLibevent
import Glibc
import Testing
import Toro

@testable import ToroNet

// Signals concern the whole process: each test has one of its own.

/// Threads that run tasks have them blocked.
private func unblockSignals() {
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
}

private func disposition(_ number: Int32) -> sigaction {
  var action = sigaction()
  sigaction(number, nil, &action)
  return action
}

private func isDefault(_ number: Int32) -> Bool {
  disposition(number).__sigaction_handler.sa_handler == nil
}

/// Set by handlers of the tests'.
private nonisolated(unsafe) var heard: Int32 = 0

@Suite("Signals")
struct SignalsTests {
  @Test("Signals come in the order in which they arrived, also those that came while nobody waited")
  func order() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { reactor in
        let signals = try Signals([SIGUSR1, SIGUSR2, SIGTERM])
        raise(SIGUSR1)
        raise(SIGTERM)
        raise(SIGUSR2)
        let iterator = signals.makeAsyncIterator()
        for expected in [SIGUSR1, SIGTERM, SIGUSR2] { #expect(try await iterator.next() == expected) }
        let waiting = reactor.spawn { try await iterator.next() }
        await reactor.yield()
        kill(getpid(), SIGTERM)
        #expect(try await waiting.value == SIGTERM)
      }
    }
  }

  @Test("A signal that arrives again before it is taken counts once")
  func coalescing() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { reactor in
        let signals = try Signals([SIGUSR1, SIGUSR2])
        for _ in 0..<100 { raise(SIGUSR1) }
        raise(SIGUSR2)
        raise(SIGUSR1)
        let iterator = signals.makeAsyncIterator()
        let first = Set([try await iterator.next(), try await iterator.next()])
        #expect(first == [SIGUSR1, SIGUSR2])
        let waiting = reactor.spawn { try await iterator.next() }
        await reactor.yield()
        #expect(reactor.waits.map(\.subject) == ["Signals"])
        raise(SIGUSR1)
        #expect(try await waiting.value == SIGUSR1)
      }
    }
  }

  @Test("Closed or dropped, it ends the iteration and the signals do what they did before")
  func restoring() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { reactor in
        signal(SIGUSR1, SIG_IGN)
        let signals = try Signals([SIGUSR1])
        #expect(signals.description == "<Signals SIGUSR1>")
        #expect(disposition(SIGUSR1).sa_flags & SA_RESTART != 0)
        let iterating = reactor.spawn { for try await _ in signals {} }
        await reactor.yield()
        signals.close()
        #expect(signals.description == "<Signals SIGUSR1 closed>")
        try await iterating.value
        raise(SIGUSR1)  // ignored, as before
        _ = try Signals([SIGUSR1, SIGUSR2])
        raise(SIGUSR1)
        #expect(isDefault(SIGUSR2))
        #expect(reactor.waits.isEmpty)
      }
    }
    await #expect(processExitsWith: .signal(SIGTERM)) {
      unblockSignals()
      let reactor = try Reactor()
      _ = try Signals([SIGTERM], on: reactor)
      raise(SIGTERM)
    }
  }

  @Test("What cannot be watched says why, and nothing is watched then")
  func refusals() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { _ in
        signal(SIGUSR2) { heard = $0 }
        let busy = #expect(throws: SystemError.self) { try Signals([SIGUSR1, SIGUSR2]) }
        #expect(busy?.errno == EBUSY)
        #expect(
          busy?.description
            == "sigaction(SIGUSR2): this program has a handler for it already; take that away first, or have it tell the reactor"
        )
        #expect(isDefault(SIGUSR1))
        raise(SIGUSR2)
        #expect(heard == SIGUSR2)
        let fault = #expect(throws: SystemError.self) { try Signals([SIGSEGV]) }
        #expect(
          fault?.description == "sigaction(11): it tells of a fault of the program itself, and cannot be waited for")
        for number in [SIGKILL, SIGSTOP, 0, -1, 65, 1000] {
          let error = #expect(throws: SystemError.self) { try Signals([number]) }
          #expect(error?.errno == EINVAL)
        }
      }
    }
  }

  @Test("Several watch for the same signal, on reactors of several threads: each gets it, also when others close")
  func severalReactors() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      let ready = SharedQueue<Int>(capacity: 8)
      let taken = SharedQueue<Int32>(capacity: 8)
      let group = try ReactorGroup(count: 4)
      let counts = try await group.run { reactor in
        let signals = try Signals([SIGUSR1, SIGUSR2])
        let iterator = signals.makeAsyncIterator()
        var count = 0
        try await ready.put(1)
        if reactor === group[0] {
          for _ in 0..<4 { _ = try await ready.get() }
          for round in 0..<200 {
            let number = round % 2 == 0 ? SIGUSR1 : SIGUSR2
            kill(getpid(), number)
            #expect(try await iterator.next() == number)
            for _ in 0..<3 { #expect(try await taken.get() == number) }
            count += 1
          }
        } else {
          for _ in 0..<200 {
            guard let number = try await iterator.next() else { break }
            count += 1
            try await taken.put(number)
          }
        }
        return count
      }
      #expect(counts == [200, 200, 200, 200])
      #expect(isDefault(SIGUSR1) && isDefault(SIGUSR2))
    }
  }

  @Test("The disposition comes back with the last of several")
  func lastOfSeveral() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { _ in
        let first = try Signals([SIGUSR1, SIGUSR2])
        let second = try Signals([SIGUSR1])
        raise(SIGUSR1)
        first.close()
        #expect(isDefault(SIGUSR2) && !isDefault(SIGUSR1))
        raise(SIGUSR1)
        #expect(try await second.makeAsyncIterator().next() == SIGUSR1)
        #expect(try await first.makeAsyncIterator().next() == nil)
        second.close()
        #expect(isDefault(SIGUSR1))
      }
    }
  }

  @Test("A handler that was put in the place of ours is left alone; ours, put back later, does what was before")
  func replaced() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      try onReactor { _ in
        let signals = try Signals([SIGUSR1, SIGCHLD])
        let ours = disposition(SIGUSR1)
        signal(SIGUSR1) { heard = $0 }
        #expect(throws: SystemError.self) { try Signals([SIGUSR1]) }
        signals.close()
        raise(SIGUSR1)
        #expect(heard == SIGUSR1)
        var again = ours
        sigaction(SIGUSR1, &again, nil)
        sigaction(SIGCHLD, &again, nil)
        raise(SIGCHLD)  // nobody watches: nothing, as by default
        let later = try Signals([SIGUSR1])
        raise(SIGUSR1)
        #expect(try await later.makeAsyncIterator().next() == SIGUSR1)
        later.close()
        #expect(isDefault(SIGUSR1))
      }
    }
    await #expect(processExitsWith: .signal(SIGUSR1)) {
      unblockSignals()
      let reactor = try Reactor()
      let signals = try Signals([SIGUSR1], on: reactor)
      var ours = disposition(SIGUSR1)
      signal(SIGUSR1) { heard = $0 }
      signals.close()
      sigaction(SIGUSR1, &ours, nil)
      raise(SIGUSR1)
    }
  }

  @Test("Beside a host's evsignal on an adopted base: each has its own, the host's is refused, and both end in order")
  func besideEvsignal() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      let base = event_base_new()!
      nonisolated(unsafe) let event = event_new(
        base, SIGUSR1, Int16(EV_SIGNAL | EV_PERSIST), { number, _, _ in heard += Int32(number) }, nil)
      event_add(event, nil)
      let reactor = try Reactor(adopting: base)
      let other = try Reactor()
      let refused = #expect(throws: SystemError.self) { try Signals([SIGUSR1], on: reactor) }
      #expect(refused?.errno == EBUSY)
      let signals = try Signals([SIGUSR2], on: reactor)
      let second = try Signals([SIGUSR2], on: other)
      let seen = Shared<[Int32]>([])
      let task = reactor.spawn {
        for try await number in signals {
          seen.value.append(number)
          if seen.value.count == 3 { event_del(event) }
          if seen.value.count == 3 { signals.close() } else { raise(SIGUSR2) }
        }
      }
      reactor.execute {
        raise(SIGUSR1)
        raise(SIGUSR2)
      }
      event_base_dispatch(base)
      #expect(heard == SIGUSR1)
      #expect(seen.value == [SIGUSR2, SIGUSR2, SIGUSR2])
      #expect(isDefault(SIGUSR1))  // which the host's event restored
      #expect(try other.run { try await second.makeAsyncIterator().next() } == SIGUSR2)
      second.close()
      #expect(isDefault(SIGUSR2))
      // The host takes a signal that Toro watches: it is the host's, until it gives it back.
      let kept = try Signals([SIGUSR2], on: other)
      let late = event_new(base, SIGUSR2, Int16(EV_SIGNAL), { number, _, _ in heard = Int32(number) }, nil)
      event_add(late, nil)
      raise(SIGUSR2)
      event_base_dispatch(base)
      #expect(heard == SIGUSR2)
      raise(SIGUSR2)
      #expect(try other.run { try await kept.makeAsyncIterator().next() } == SIGUSR2)
      kept.close()
      #expect(isDefault(SIGUSR2))
      _ = task
      event_free(event)
      event_free(late)
      reactor.close()
      event_base_free(base)
      other.close()
    }
  }

  @Test("In a forked child the copies do nothing: its signals act by default, and the parent's lose none")
  func forking() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      let reactor = try Reactor()
      let signals = try Signals([SIGUSR1, SIGTERM], on: reactor)
      raise(SIGUSR1)
      // One that ends by a signal which its parent watches.
      let killed = forkProcess()
      if killed == 0 {
        raise(SIGTERM)
        _exit(1)
      }
      var status: Int32 = 0
      waitpid(killed, &status, 0)
      #expect(status & 0x7f == SIGTERM)
      // One that goes on with the reactor, and with signals of its own.
      let child = forkProcess()
      if child == 0 {
        do {
          try reactor.reinitializeAfterFork()
          let isRight = try reactor.run {
            guard try await signals.next() == nil else { return false }
            let own = try Signals([SIGUSR1])
            raise(SIGUSR1)
            guard try await own.makeAsyncIterator().next() == SIGUSR1 else { return false }
            own.close()
            signals.close()
            return isDefault(SIGUSR1)
          }
          _exit(isRight ? 0 : 2)
        } catch {
          _exit(3)
        }
      }
      waitpid(child, &status, 0)
      #expect(status == 0)
      #expect(try reactor.run { try await signals.next() } == SIGUSR1)
      raise(SIGTERM)
      #expect(try reactor.run { try await signals.next() } == SIGTERM)
      // One that lets its copy go without more ado.
      var dropped: Signals? = try Signals([SIGUSR2], on: reactor)
      let dropping = forkProcess()
      if dropping == 0 {
        dropped?.close()
        dropped = nil
        _exit(isDefault(SIGUSR2) ? 0 : 1)
      }
      waitpid(dropping, &status, 0)
      #expect(status == 0)
      raise(SIGUSR2)
      if let left = dropped { #expect(try reactor.run { try await left.makeAsyncIterator().next() } == SIGUSR2) }
      dropped = nil
      signals.close()
      reactor.close()
    }
  }

  @Test("Watches come and go on several threads while signals arrive: none is lost on who stays, none ends the process")
  func comingAndGoing() async {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      let group = try ReactorGroup(count: 3)
      let pings = SharedQueue<Int>(capacity: 1)
      try await group.run { reactor in
        let mine = try Signals([SIGUSR1])  // always one that watches
        if reactor === group[0] {
          for _ in 0..<300 {
            raise(SIGUSR1)
            #expect(try await mine.makeAsyncIterator().next() == SIGUSR1)
            _ = pings.tryPut(1)
          }
          pings.close()
        } else {
          for try await _ in pings {
            let signals = try Signals([SIGUSR1])
            kill(getpid(), SIGUSR1)
            #expect(try await signals.next() == SIGUSR1)
            if Bool.random() { signals.close() }
          }
        }
      }
      #expect(isDefault(SIGUSR1))
    }
  }
}

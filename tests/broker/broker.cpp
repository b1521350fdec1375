#include "broker.hpp"

#include "codec/properties_codec.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace broker {
namespace {

constexpr amqp_channel_t channel = 1;

std::string unique_name() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::random_device random;
    return std::string("hello-rabbit.") + test->test_suite_name() + '.' + test->name() + '.' +
           std::to_string(getpid()) + '.' + std::to_string(random());
}

[[noreturn]] void fail(std::string_view what, std::string_view why) {
    throw std::runtime_error(std::string("the witness cannot ").append(what).append(": ").append(why));
}

int checked(int result, const char* what) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return result;
}

}  // namespace

Witness::Witness(const rabbit::Endpoint& endpoint) : state_(amqp_new_connection()) {
    auto* socket = amqp_tcp_socket_new(state_);
    if (const int status = amqp_socket_open(socket, endpoint.host.c_str(), endpoint.port); status != AMQP_STATUS_OK) {
        amqp_destroy_connection(state_);
        fail("connect", amqp_error_string2(status));
    }
    try {
        check(amqp_login(state_, endpoint.vhost.c_str(), 1, 128 * 1024, 0, AMQP_SASL_METHOD_PLAIN,
                         endpoint.user.c_str(), endpoint.password.c_str()),
              "log in");
        amqp_channel_open(state_, channel);
        check(amqp_get_rpc_reply(state_), "open a channel");
        amqp_confirm_select(state_, channel);
        check(amqp_get_rpc_reply(state_), "turn on confirms");
    } catch (...) {
        amqp_destroy_connection(state_);
        throw;
    }
}

Witness::~Witness() {
    amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state_);
}

void Witness::check(const amqp_rpc_reply_t& reply, std::string_view what) {
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        fail(what, rabbit::view(static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_text));
    }
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        fail(what, rabbit::view(static_cast<const amqp_connection_close_t*>(reply.reply.decoded)->reply_text));
    }
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        fail(what, amqp_error_string2(reply.library_error));
    }
}

void Witness::declare(const std::string& queue, const Options& options) {
    const rabbit::TableView arguments(options.arguments);
    amqp_queue_declare(state_, channel, rabbit::to_amqp(queue), 0, options.durable, options.exclusive, 0,
                       arguments.get());
    check(amqp_get_rpc_reply(state_), "declare a queue");
}

void Witness::bind(const std::string& queue, const std::string& exchange, const std::string& key) {
    amqp_queue_bind(state_, channel, rabbit::to_amqp(queue), rabbit::to_amqp(exchange), rabbit::to_amqp(key),
                    amqp_empty_table);
    check(amqp_get_rpc_reply(state_), "bind a queue");
}

void Witness::remove(const std::string& queue) {
    settle();
    amqp_queue_delete(state_, channel, rabbit::to_amqp(queue), 0, 0);
    check(amqp_get_rpc_reply(state_), "delete a queue");
}

std::uint32_t Witness::count(const std::string& queue) {
    settle();
    const auto* ok = amqp_queue_declare(state_, channel, rabbit::to_amqp(queue), 1, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(state_), "ask for a queue");
    return ok->message_count;
}

void Witness::publish(const std::string& exchange, const std::string& key, std::string_view body,
                      const amqp_basic_properties_t* properties) {
    const int status = amqp_basic_publish(state_, channel, rabbit::to_amqp(exchange), rabbit::to_amqp(key), 0, 0,
                                          properties, rabbit::to_amqp(body));
    if (status != AMQP_STATUS_OK) {
        fail("publish", amqp_error_string2(status));
    }
    unconfirmed_.insert(++published_);
}

void Witness::settle() {
    while (!unconfirmed_.empty()) {
        amqp_maybe_release_buffers(state_);
        amqp_frame_t frame;
        const timeval timeout = rabbit::to_timeval(patience);
        const int status = amqp_simple_wait_frame_noblock(state_, &frame, &timeout);
        if (status != AMQP_STATUS_OK) {
            fail("get its confirms", amqp_error_string2(status));
        }
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
            fail("get its confirms", "something else came");
        }
        const auto& ack = *static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
        const auto end = unconfirmed_.upper_bound(ack.delivery_tag);
        unconfirmed_.erase(ack.multiple ? unconfirmed_.begin() : unconfirmed_.lower_bound(ack.delivery_tag), end);
    }
}

std::optional<Witness::Got> Witness::get(const std::string& queue, bool ack) {
    settle();
    amqp_maybe_release_buffers(state_);
    const auto reply = amqp_basic_get(state_, channel, rabbit::to_amqp(queue), ack);
    check(reply, "get a message");
    if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) {
        return std::nullopt;
    }
    const auto& ok = *static_cast<const amqp_basic_get_ok_t*>(reply.reply.decoded);
    const rabbit::Address address{rabbit::copy(ok.exchange), rabbit::copy(ok.routing_key)};
    const bool redelivered = ok.redelivered != 0;
    amqp_message_t message;
    check(amqp_read_message(state_, channel, &message, 0), "read a message");
    Got got{rabbit::copy(message.body), address, redelivered, rabbit::copy_properties(message.properties)};
    amqp_destroy_message(&message);
    return got;
}

std::vector<std::string> take(const rabbit::Endpoint& endpoint, const std::string& queue, std::uint32_t count) {
    std::vector<std::string> bodies;
    const std::unique_ptr<amqp_connection_state_t_, int (*)(amqp_connection_state_t)> state(amqp_new_connection(),
                                                                                            amqp_destroy_connection);
    auto* socket = amqp_tcp_socket_new(state.get());
    if (amqp_socket_open(socket, endpoint.host.c_str(), endpoint.port) != AMQP_STATUS_OK) {
        fail("take messages", "not connected");
    }
    amqp_login(state.get(), endpoint.vhost.c_str(), 1, 128 * 1024, 0, AMQP_SASL_METHOD_PLAIN, endpoint.user.c_str(),
               endpoint.password.c_str());
    amqp_channel_open(state.get(), channel);
    amqp_basic_consume(state.get(), channel, rabbit::to_amqp(queue), amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
    while (bodies.size() < count) {
        amqp_maybe_release_buffers(state.get());
        amqp_envelope_t envelope;
        const timeval timeout = rabbit::to_timeval(patience);
        const auto reply = amqp_consume_message(state.get(), &envelope, &timeout, 0);
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            fail("take messages", std::to_string(bodies.size()) + " came");
        }
        bodies.push_back(rabbit::copy(envelope.message.body));
        amqp_destroy_envelope(&envelope);
    }
    amqp_connection_close(state.get(), AMQP_REPLY_SUCCESS);
    return bodies;
}

Pipe::Pipe() {
    checked(pipe2(ends_, O_CLOEXEC), "pipe");
}

Pipe::~Pipe() {
    for (const int each : ends_) {
        close(each);
    }
}

void Pipe::write(char what) {
    checked(static_cast<int>(::write(ends_[1], &what, 1)), "write");
}

class Proxy::Impl {
public:
    explicit Impl(rabbit::Endpoint broker)
        : broker_(std::move(broker)), listener_(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        checked(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
        socklen_t size = sizeof address;
        checked(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
        checked(listen(listener_, 8), "listen");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }

    // NOLINTNEXTLINE(bugprone-exception-escape): a test that cannot end it has failed
    ~Impl() {
        tell(Command::end);
        thread_.join();
        close(listener_);
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    enum class Command : char { hold = 'h', cut = 'c', end = 'e' };

    void tell(Command command) { commands_.write(static_cast<char>(command)); }

    [[nodiscard]] rabbit::Endpoint endpoint() const {
        auto endpoint = broker_;
        endpoint.host = "127.0.0.1";
        endpoint.port = port_;
        return endpoint;
    }

private:
    void run() {
        for (;;) {
            std::array<pollfd, 2> polled{{{commands_.read_end(), POLLIN, 0}, {listener_, POLLIN, 0}}};
            poll(polled.data(), polled.size(), -1);
            if (polled[0].revents) {
                if (next_command() == Command::end) {
                    return;
                }
            } else if (!serve(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC))) {
                return;
            }
        }
    }

    /// False: the proxy is to end.
    bool serve(int client) {
        const std::array<int, 2> ends{client, connect_to_broker()};
        bool open = ends[0] >= 0 && ends[1] >= 0;
        bool holding = false;
        bool ended = false;
        while (open) {
            // A descriptor of -1 is not polled.
            std::array<pollfd, 3> polled{{{commands_.read_end(), POLLIN, 0},
                                          {holding ? -1 : ends[0], POLLIN, 0},
                                          {holding ? -1 : ends[1], POLLIN, 0}}};
            poll(polled.data(), polled.size(), -1);
            if (polled[0].revents) {
                const auto command = next_command();
                holding = command == Command::hold;
                open = holding;
                ended = command == Command::end;
                continue;
            }
            for (std::size_t i = 0; i < ends.size(); ++i) {
                if (polled[i + 1].revents) {
                    open = open && copy(ends[i], ends[1 - i]);
                }
            }
        }
        for (const int each : ends) {
            close(each);
        }
        return !ended;
    }

    Command next_command() {
        char command = 'e';
        checked(static_cast<int>(read(commands_.read_end(), &command, 1)), "read");
        return static_cast<Command>(command);
    }

    [[nodiscard]] int connect_to_broker() const {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* list = nullptr;
        if (getaddrinfo(broker_.host.c_str(), std::to_string(broker_.port).c_str(), &hints, &list) != 0) {
            return -1;
        }
        int fd = -1;
        for (auto* each = list; each && fd < 0; each = each->ai_next) {
            fd = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
            if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) != 0) {
                close(fd);
                fd = -1;
            }
        }
        freeaddrinfo(list);
        return fd;
    }

    static bool copy(int from, int to) {
        std::array<char, std::size_t{64} * 1024> buffer;
        const auto count = recv(from, buffer.data(), buffer.size(), 0);
        return count > 0 && send(to, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
    }

    rabbit::Endpoint broker_;
    int listener_;
    std::uint16_t port_ = 0;
    Pipe commands_;
    std::thread thread_;
};

Proxy::Proxy(const rabbit::Endpoint& broker) : impl_(std::make_unique<Impl>(broker)) {}
Proxy::~Proxy() = default;

rabbit::Endpoint Proxy::endpoint() const {
    return impl_->endpoint();
}

void Proxy::hold() {
    impl_->tell(Impl::Command::hold);
}

void Proxy::cut() {
    impl_->tell(Impl::Command::cut);
}

void Test::SetUp() {
    if (!std::getenv("AMQP_URL")) {
        const char* required = std::getenv("HELLO_RABBIT_REQUIRE_BROKER");
        if (required && std::string_view(required) == "1") {
            FAIL() << "AMQP_URL is not set";
        }
        GTEST_SKIP() << "AMQP_URL is not set";
    }
    queue_ = unique_name();
    witness_ = std::make_unique<Witness>(endpoint());
}

void Test::TearDown() {
    if (witness_) {
        witness_.reset();  // the test may have led its channel to be closed
        // RabbitMQ 4 may hold an exclusive queue for a moment after the connection that owned it has been closed.
        for (const auto deadline = in(patience);;) {
            try {
                Witness(endpoint()).remove(queue_);
                break;
            } catch (const std::runtime_error& error) {
                if (std::string_view(error.what()).find("RESOURCE_LOCKED") == std::string_view::npos ||
                    rabbit::passed(deadline)) {
                    throw;
                }
            }
        }
    }
}

rabbit::Endpoint Test::endpoint() {
    return rabbit::Endpoint::parse(std::getenv("AMQP_URL"));
}

rabbit::Connection Test::connect(rabbit::ConnectionOptions options) {
    options.product = "hello-rabbit";
    options.name = testing::UnitTest::GetInstance()->current_test_info()->name();
    return rabbit::Connection(endpoint(), std::move(options));
}

void Test::declare_queue() {
    witness_->declare(queue_);
}

void Test::await_count(std::uint32_t count) {
    for (const auto deadline = in(patience); witness_->count(queue_) != count;) {
        if (rabbit::Clock::now() > *deadline) {
            throw std::runtime_error("the queue never held " + std::to_string(count) + " messages");
        }
    }
}

rabbit::Error error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const rabbit::Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {rabbit::ErrorKind::invalid, "", ""};
}

}  // namespace broker

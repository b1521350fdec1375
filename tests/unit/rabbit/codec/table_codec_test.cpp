#include "codec/table_codec.hpp"

#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using rabbit::Array;
using rabbit::Bytes;
using rabbit::Decimal;
using rabbit::Table;
using rabbit::Timestamp;
using rabbit::Value;

using namespace std::string_literals;

/// The bytes that rabbitmq-c makes of a table.
std::string encoded_table(const Table& table) {
    const rabbit::TableView table_view(table);
    auto ready = table_view.get();
    std::string bytes(1 << 20, '\0');
    std::size_t size = 0;
    EXPECT_EQ(amqp_encode_table({bytes.size(), bytes.data()}, &ready, &size), AMQP_STATUS_OK);
    bytes.resize(size);
    return bytes;
}

/// The table that rabbitmq-c reads in those bytes.
Table decoded(std::string bytes) {
    amqp_pool_t pool;
    init_amqp_pool(&pool, 4096);
    const std::unique_ptr<amqp_pool_t, void (*)(amqp_pool_t*)> emptied(&pool, empty_amqp_pool);
    amqp_table_t table{};
    std::size_t size = 0;
    EXPECT_EQ(amqp_decode_table({bytes.size(), bytes.data()}, &pool, &table, &size), AMQP_STATUS_OK);
    EXPECT_EQ(size, bytes.size());
    return rabbit::copy_table(table);
}

struct OnTheWire {
    const char* name;
    Value value;
    std::string bytes;  ///< a type and its value, as https://www.rabbitmq.com/amqp-0-9-1-errata has them
};

void PrintTo(const OnTheWire& example, std::ostream* out) {
    *out << example.name;
}

class TableCodec : public testing::TestWithParam<OnTheWire> {
protected:
    static Table table() { return {{"k", GetParam().value}}; }

    static std::string wire() {
        const auto field = "\1k"s + GetParam().bytes;
        return "\0\0\0"s + static_cast<char>(field.size()) + field;
    }
};

TEST_P(TableCodec, Writes) {
    EXPECT_EQ(encoded_table(table()), wire());
}

TEST_P(TableCodec, Reads) {
    EXPECT_EQ(decoded(wire()), table());
}

INSTANTIATE_TEST_SUITE_P(
    EveryType, TableCodec,
    testing::Values(OnTheWire{"Void", {std::monostate()}, "V"}, OnTheWire{"True", {true}, "t\1"},
                    OnTheWire{"False", {false}, "t\0"s}, OnTheWire{"Int8", {std::int8_t{-2}}, "b\xfe"},
                    OnTheWire{"UInt8", {std::uint8_t{0xfe}}, "B\xfe"},
                    OnTheWire{"Int16", {std::int16_t{-2}}, "s\xff\xfe"},
                    OnTheWire{"UInt16", {std::uint16_t{0xfffe}}, "u\xff\xfe"},
                    OnTheWire{"Int32", {std::int32_t{-2}}, "I\xff\xff\xff\xfe"},
                    OnTheWire{"UInt32", {std::uint32_t{0xfffffffe}}, "i\xff\xff\xff\xfe"},
                    OnTheWire{"Int64", {std::int64_t{-2}}, "l\xff\xff\xff\xff\xff\xff\xff\xfe"},
                    OnTheWire{"UInt64", {std::uint64_t{0xfffffffffffffffe}}, "L\xff\xff\xff\xff\xff\xff\xff\xfe"},
                    OnTheWire{"Float", {-1.5F}, "f\xbf\xc0\0\0"s},
                    OnTheWire{"Double", {-1.5}, "d\xbf\xf8\0\0\0\0\0\0"s},
                    OnTheWire{"DecimalNumber", {Decimal{2, 314}}, "D\2\0\0\1\x3a"s},
                    OnTheWire{"Time", {Timestamp{1'700'000'000}}, "T\0\0\0\0\x65\x53\xf1\0"s},
                    OnTheWire{"String", {"a\0b"s}, "S\0\0\0\3a\0b"s}, OnTheWire{"EmptyString", {""s}, "S\0\0\0\0"s},
                    OnTheWire{"ByteArray", {Bytes{"\xff\0"s}}, "x\0\0\0\2\xff\0"s},
                    OnTheWire{"List", {Array{{true}, {"a"s}}}, "A\0\0\0\x8t\1S\0\0\0\1a"s},
                    OnTheWire{"EmptyList", {Array{}}, "A\0\0\0\0"s},
                    OnTheWire{"Nested", {Table{{"n", {std::int8_t{1}}}}}, "F\0\0\0\4\1nb\1"s},
                    OnTheWire{"EmptyTable", {Table{}}, "F\0\0\0\0"s}),
    [](const auto& each) { return each.param.name; });

TEST(TableCodec, KeepsTheOrderAndNamesThatComeTwice) {
    const Table table{{"z", {1}}, {"a", {2}}, {"z", {3}}, {"", {4}}};
    EXPECT_EQ(decoded(encoded_table(table)), table);
}

TEST(TableCodec, OfNothingIsEmpty) {
    EXPECT_EQ(encoded_table({}), "\0\0\0\0"s);
    EXPECT_EQ(decoded("\0\0\0\0"s), Table());
}

TEST(TableCodec, KeepsTheEndsOfEveryRange) {
    const auto ends = []<class T>(T) -> Array {
        return {{std::numeric_limits<T>::min()}, {std::numeric_limits<T>::max()}};
    };
    const Table table{{"b", {ends(std::int8_t())}},   {"B", {ends(std::uint8_t())}},  {"s", {ends(std::int16_t())}},
                      {"u", {ends(std::uint16_t())}}, {"I", {ends(std::int32_t())}},  {"i", {ends(std::uint32_t())}},
                      {"l", {ends(std::int64_t())}},  {"L", {ends(std::uint64_t())}}, {"f", {ends(float())}},
                      {"d", {ends(double())}}};
    EXPECT_EQ(decoded(encoded_table(table)), table);
}

TEST(TableCodec, KeepsInfinitiesAndNotANumber) {
    const auto infinity = std::numeric_limits<double>::infinity();
    const auto copy = decoded(encoded_table({{"inf", {infinity}}, {"-inf", {-infinity}}, {"nan", {std::nan("")}}}));
    ASSERT_EQ(copy.size(), 3U);
    EXPECT_EQ(std::get<double>(copy[0].value.data), infinity);
    EXPECT_EQ(std::get<double>(copy[1].value.data), -infinity);
    EXPECT_TRUE(std::isnan(std::get<double>(copy[2].value.data)));
}

TEST(TableCodec, TakesManyFieldsAndLongStrings) {
    Table table{{"long", {std::string(100'000, 'x')}}};
    for (int i = 0; i < 1000; ++i) {
        table.push_back({"field " + std::to_string(i), {i}});
    }
    EXPECT_EQ(decoded(encoded_table(table)), table);
}

TEST(TableCodec, TakesANameOf255BytesAndNoLongerOne) {
    const Table longest{{std::string(255, 'n'), {true}}};
    EXPECT_EQ(decoded(encoded_table(longest)), longest);
    const Table too_long{{std::string(256, 'n'), {true}}};
    EXPECT_THROW(rabbit::TableView{too_long}, rabbit::Error);
    const Table too_long_inside{{"list", {Array{{too_long}}}}};
    EXPECT_THROW(rabbit::TableView{too_long_inside}, rabbit::Error);
}

TEST(TableCodec, RefusesATypeThatAmqpDoesNotHave) {
    amqp_table_entry_t entry{};
    entry.key = rabbit::to_amqp("k");
    entry.value.kind = '?';
    EXPECT_THROW(rabbit::copy_table({1, &entry}), rabbit::Error);
}

/// Tables of any shape, the same in every run.
class Generator {
public:
    Table table(int depth) {
        Table result(below(6));
        for (auto& field : result) {
            field = {text(20), value(depth)};
        }
        return result;
    }

private:
    std::uint64_t bits() { return random_(); }
    std::size_t below(std::uint64_t limit) { return static_cast<std::size_t>(random_() % limit); }

    std::string text(std::size_t most) {
        std::string result(below(most + 1), '\0');
        for (auto& each : result) {
            each = static_cast<char>(bits());
        }
        return result;
    }

    Array array(int depth) {
        Array result(below(6));
        for (auto& each : result) {
            each = value(depth);
        }
        return result;
    }

    Value value(int depth) {
        switch (below(depth > 0 ? 18 : 16)) {
            case 0: return {std::monostate()};
            case 1: return {(bits() & 1) != 0};
            case 2: return {static_cast<std::int8_t>(bits())};
            case 3: return {static_cast<std::uint8_t>(bits())};
            case 4: return {static_cast<std::int16_t>(bits())};
            case 5: return {static_cast<std::uint16_t>(bits())};
            case 6: return {static_cast<std::int32_t>(bits())};
            case 7: return {static_cast<std::uint32_t>(bits())};
            case 8: return {static_cast<std::int64_t>(bits())};
            case 9: return {bits()};
            case 10: return {static_cast<float>(bits())};
            case 11: return {static_cast<double>(bits())};
            case 12: return {Decimal{static_cast<std::uint8_t>(bits()), static_cast<std::uint32_t>(bits())}};
            case 13: return {Timestamp{bits()}};
            case 14: return {text(300)};
            case 15: return {Bytes{text(300)}};
            case 16: return {array(depth - 1)};
            default: return {table(depth - 1)};
        }
    }

    std::mt19937_64 random_{20240229};
};

/// This many arrays, each in the one before.
Value nested(int depth) {
    Value value{Array()};
    for (int i = 1; i < depth; ++i) {
        Array array;
        array.push_back(std::move(value));
        value = {std::move(array)};
    }
    return value;
}

TEST(TableCodec, ReadsTablesThatAreNestedAsDeepAsItWritesThem) {
    const Table table{{"a", nested(rabbit::deepest_nesting())}};
    EXPECT_TRUE(decoded(encoded_table(table)) == table);
    EXPECT_GE(rabbit::deepest_nesting(), 64);
    EXPECT_LE(rabbit::deepest_nesting(), 512);
}

TEST(TableCodec, DoesNotWriteTablesThatAreNestedDeeperThanItReads) {
    for (const auto& value : {nested(rabbit::deepest_nesting() + 1), Value{Table{{"b", nested(2000)}}}}) {
        try {
            encoded_table({{"a", value}});
            FAIL() << "written";
        } catch (const rabbit::Error& error) {
            EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
            EXPECT_NE(error.cause().find("nested"), std::string::npos) << error.what();
        }
    }
}

TEST(TableCodec, DoesNotReadTablesThatAreNestedDeeperThanTheStack) {
    std::vector<amqp_field_value_t> values(514);
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        values[i].kind = AMQP_FIELD_KIND_ARRAY;
        values[i].value.array = {1, &values[i + 1]};
    }
    values.back().kind = AMQP_FIELD_KIND_VOID;
    const auto copy_from = [&values](std::size_t first) {
        amqp_table_entry_t entry{{1, const_cast<char*>("a")}, values[first]};
        return rabbit::copy_table({1, &entry});
    };
    EXPECT_EQ(copy_from(2).size(), 1U);
    try {
        copy_from(1);
        FAIL() << "read";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::lost);
        EXPECT_NE(error.cause().find("nested"), std::string::npos) << error.what();
    }
}

TEST(TableCodec, KeepsRandomTables) {
    Generator generator;
    for (int i = 0; i < 500; ++i) {
        const auto table = generator.table(5);
        ASSERT_TRUE(decoded(encoded_table(table)) == table) << "table " << i;
    }
}

}  // namespace

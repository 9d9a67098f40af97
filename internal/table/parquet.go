package table

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"hone/internal/frame"
)

// parquetSource reads a Parquet file, one row group after another. Values of
// nested groups are columns called a.b; repeated values are strings of JSON.
type parquetSource struct {
	groups []parquet.RowGroup
	leaves []leaf
	rows   parquet.Rows // Of the row group being read, or nil.
	batch  [64]parquet.Row
	at, n  int   // The next row of the batch, and how many there are.
	row    int   // Rows read so far.
	err    error // What comes behind the batch.
}

// leaf is one column.
type leaf struct {
	name     string
	typ      parquet.Type
	repeated bool
	half     bool // Of 16-bit floats, which the library knows as bytes only.
}

func openParquet(file *os.File) (source, []string, error) {
	p, err := newParquet(file)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, len(p.leaves))
	for i := range p.leaves {
		names[i] = p.leaves[i].name
	}
	return p, names, nil
}

func newParquet(file *os.File) (p *parquetSource, err error) {
	defer mend(&err)
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFooter(file, info.Size()); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(file, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err == nil {
		err = checkPages(file, f)
	}
	if err != nil {
		return nil, notParquet(err)
	}
	p = &parquetSource{groups: f.RowGroups()}
	var elements []format.SchemaElement // Of the leaves, in the same order.
	for _, e := range f.Metadata().Schema {
		if e.Type.Valid {
			elements = append(elements, e)
		}
	}
	for i, path := range f.Schema().Columns() {
		column, _ := f.Schema().Lookup(path...)
		l := leaf{name: strings.Join(path, "."), typ: column.Node.Type(), repeated: column.MaxRepetitionLevel > 0}
		if i < len(elements) {
			_, l.half = elements[i].LogicalType.Value.(*format.Float16Type)
		}
		if l.repeated {
			l.name = strings.TrimSuffix(l.name, ".list.element")
		}
		p.leaves = append(p.leaves, l)
	}
	return p, nil
}

// checkFooter refuses a footer that is longer than its file, or in which
// something says so of itself, before so much memory is asked for.
func checkFooter(file *os.File, size int64) error {
	var b [8]byte
	if _, err := file.ReadAt(b[:], size-8); err != nil || string(b[4:]) != "PAR1" {
		return notParquet(errors.New("it does not end as a Parquet file does"))
	}
	if n := int64(binary.LittleEndian.Uint32(b[:4])); n > size-12 {
		return notParquet(fmt.Errorf("its footer of %d bytes is longer than the file", n))
	}
	footer := make([]byte, binary.LittleEndian.Uint32(b[:4]))
	if _, err := file.ReadAt(footer, size-8-int64(len(footer))); err != nil {
		return notParquet(err)
	}
	if _, err := walkThrift(footer, func([]int16, int64) {}); err != nil {
		return notParquet(err)
	}
	return nil
}

func notParquet(err error) error {
	return invalid("write it again, or copy it again if it was cut short", "this is no sound Parquet file: %v", err)
}

// mend turns a panic of the Parquet library, which trusts what a file says of
// itself, into an error.
func mend(err *error) {
	if r := recover(); r != nil {
		*err = notParquet(fmt.Errorf("%v", r))
	}
}

func (p *parquetSource) next() (rec Record, err error) {
	defer mend(&err)
	row, err := p.nextRow()
	if err != nil {
		return Record{}, err
	}
	rec = Record{Line: p.row, Values: make([]any, len(p.leaves))}
	var bad *BadRow
	row.Range(func(i int, vs []parquet.Value) bool {
		v, err := p.value(i, vs)
		if err != nil {
			bad = badRow(p.row, nil, "column %q: %v", p.leaves[i].name, err)
		}
		rec.Values[i] = v
		return err == nil
	})
	if bad != nil {
		return Record{}, bad
	}
	return rec, nil
}

// nextRow returns the next row, which is valid until it is called again.
func (p *parquetSource) nextRow() (parquet.Row, error) {
	for p.at == p.n {
		if p.err != nil {
			return nil, p.err
		}
		if p.rows == nil && len(p.groups) == 0 {
			return nil, io.EOF
		}
		if p.rows == nil {
			p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
		}
		var err error
		p.at, p.n = 0, 0
		p.n, err = p.rows.ReadRows(p.batch[:])
		if err == nil && p.n == 0 {
			err = io.ErrNoProgress
		}
		if err != nil {
			p.rows.Close()
			p.rows = nil
		}
		if err != nil && err != io.EOF {
			p.err = invalid("write it again, or copy it again if it was cut short",
				"the Parquet file is damaged after row %d: %v", p.row+p.n, err)
		}
	}
	p.at++
	p.row++
	return p.batch[p.at-1], nil
}

// value returns what the record holds for one leaf.
func (p *parquetSource) value(i int, vs []parquet.Value) (any, error) {
	if !p.leaves[i].repeated {
		if len(vs) != 1 {
			return nil, fmt.Errorf("%d values in one cell", len(vs))
		}
		return p.leaves[i].plain(vs[0])
	}
	list := []any{}
	for _, v := range vs {
		x, err := p.leaves[i].plain(v)
		if err != nil {
			return nil, err
		}
		if x != nil || len(vs) > 1 {
			list = append(list, x)
		}
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// plain returns one value as a string, float64, bool or nil.
func (l *leaf) plain(v parquet.Value) (any, error) {
	if v.IsNull() {
		return nil, nil
	}
	if l.half && v.Kind() == parquet.FixedLenByteArray && len(v.ByteArray()) == 2 {
		return present(half(binary.LittleEndian.Uint16(v.ByteArray()))), nil
	}
	if logical := l.typ.LogicalType(); logical != nil {
		switch kind := logical.Value.(type) {
		case *format.TimestampType:
			return time.UnixMicro(micros(v.Int64(), kind)).UTC().Format(time.RFC3339Nano), nil
		case *format.DateType:
			return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly), nil
		case *format.DecimalType:
			return decimal(v, int(kind.Scale)), nil
		case *format.UUIDType:
			if v.Kind() == parquet.FixedLenByteArray && len(v.ByteArray()) == 16 {
				h := hex.EncodeToString(v.ByteArray())
				return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
			}
		case *format.StringType:
			if v.Kind() == parquet.ByteArray && !utf8.Valid(v.ByteArray()) {
				return nil, errors.New("text that is not valid UTF-8")
			}
		case *format.IntType:
			if !kind.IsSigned && v.Kind() == parquet.Int64 {
				return exact(float64(v.Uint64()), strconv.FormatUint(v.Uint64(), 10)), nil
			}
			if !kind.IsSigned && v.Kind() == parquet.Int32 {
				return float64(v.Uint32()), nil
			}
		}
	}
	return physical(v), nil
}

// half reads an IEEE 754 number of 16 bits.
func half(bits uint16) float64 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(fraction+1024, exponent-25)
}

func physical(v parquet.Value) any {
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return float64(v.Int32())
	case parquet.Int64:
		return exact(float64(v.Int64()), strconv.FormatInt(v.Int64(), 10))
	case parquet.Int96: // A time, as old Spark and Impala write it: nanoseconds and a Julian day.
		x := v.Int96()
		nanos := int64(uint64(x[1])<<32 | uint64(x[0]))
		return time.Unix((int64(x[2])-2440588)*86400, nanos).UTC().Format(time.RFC3339Nano)
	case parquet.Float:
		return present(float64(v.Float()))
	case parquet.Double:
		return present(v.Double())
	}
	if b := v.ByteArray(); !utf8.Valid(b) {
		return hex.EncodeToString(b)
	}
	return string(v.ByteArray())
}

// present returns NaN, which pandas writes for what is missing, as nil.
func present(x float64) any {
	if math.IsNaN(x) {
		return nil
	}
	return x
}

// exact returns a whole number as a float64 or, where that would change it, as
// its digits.
func exact(x float64, digits string) any {
	if math.Abs(x) >= 1<<53 {
		return digits
	}
	return x
}

func micros(n int64, t *format.TimestampType) int64 {
	switch t.Unit.Value.(type) {
	case *format.MilliSeconds:
		return n * 1000
	case *format.NanoSeconds:
		return n / 1000
	}
	return n
}

func decimal(v parquet.Value, scale int) any {
	var n big.Int
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default: // Big endian, in two's complement.
		b := v.ByteArray()
		n.SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			n.Sub(&n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	x, err := strconv.ParseFloat(fmt.Sprintf("%se%d", &n, -scale), 64)
	if err != nil {
		return n.String() + "e" + strconv.Itoa(-scale)
	}
	return x
}

// ReadParquet reads a whole file that WriteParquet wrote, or any that is flat:
// the columns of s into a frame, where those that the file lacks stay missing,
// and every other column as an Extra, in the order of the file. Extras are
// Numbers, where NaN is missing, Times, where 0 is missing, or else Strings.
func ReadParquet(path string, s frame.Schema) (*frame.Frame, []Extra, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	r := &Reader{path: path}
	p, err := newParquet(file)
	if err != nil {
		return nil, nil, r.explain(err)
	}
	f, extra, err := p.readAll(s)
	if err != nil {
		return nil, nil, r.explain(err)
	}
	return f, extra, nil
}

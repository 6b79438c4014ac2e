package arguments

// Method is how one is written and read. Name is what it is called on the wire, empty for the same.
type Method struct {
	Name, Version string
	Encode        func(e *Encoder, args any) bool // false: args are of another type
	Decode        func(d *Decoder) any
	EncodeReply   func(e *Encoder, reply any) (any, bool)
	DecodeReply   func(d *Decoder, reply any) bool
}

// Takes is a method with A as its  version is what upstream's client asks for.
func Takes[A any](version string, encode func(e *Encoder, a *A), decode func(d *Decoder, a *A)) Method {
	return Method{Version: version,
		Encode: func(e *Encoder, args any) bool {
			a, ok := args.(*A)
			if ok && a != nil {
				encode(e, a)
			}
			return ok && a != nil
		},
		Decode: func(d *Decoder) any {
			a := new(A)
			decode(d, a)
			return a
		}}
}

// Bare is a method without
func Bare(version string) Method {
	return Takes(version, func(*Encoder, *struct{}) {}, func(*Decoder, *struct{}) {})
}

// Answering is a method that is answered with an R, which a handler returns as it is or by its address.
func Answering[R any](m Method, encode func(e *Encoder, r *R) any, decode func(d *Decoder, r *R)) Method {
	m.EncodeReply = func(e *Encoder, reply any) (any, bool) {
		switch r := reply.(type) {
		case R:
			return encode(e, &r), true
		case *R:
			if r == nil {
				return nil, true
			}
			return encode(e, r), true
		}
		return nil, false
	}
	m.DecodeReply = func(d *Decoder, reply any) bool {
		r, ok := reply.(*R)
		if ok && r != nil {
			decode(d, r)
		}
		return ok
	}
	return m
}

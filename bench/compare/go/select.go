package main

// One select over all channels, n times; the sum of what came. A select statement cannot be made for a number of cases.
type selecter func(ch []chan int64, n int) (sum int64)

func select1(ch []chan int64, n int) (sum int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		}
		sum += v
	}
	return sum
}

func select2(ch []chan int64, n int) (sum int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		}
		sum += v
	}
	return sum
}

func select4(ch []chan int64, n int) (sum int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		case v = <-ch[2]:
		case v = <-ch[3]:
		}
		sum += v
	}
	return sum
}

func select8(ch []chan int64, n int) (sum int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		case v = <-ch[2]:
		case v = <-ch[3]:
		case v = <-ch[4]:
		case v = <-ch[5]:
		case v = <-ch[6]:
		case v = <-ch[7]:
		}
		sum += v
	}
	return sum
}

func select32(ch []chan int64, n int) (sum int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		case v = <-ch[2]:
		case v = <-ch[3]:
		case v = <-ch[4]:
		case v = <-ch[5]:
		case v = <-ch[6]:
		case v = <-ch[7]:
		case v = <-ch[8]:
		case v = <-ch[9]:
		case v = <-ch[10]:
		case v = <-ch[11]:
		case v = <-ch[12]:
		case v = <-ch[13]:
		case v = <-ch[14]:
		case v = <-ch[15]:
		case v = <-ch[16]:
		case v = <-ch[17]:
		case v = <-ch[18]:
		case v = <-ch[19]:
		case v = <-ch[20]:
		case v = <-ch[21]:
		case v = <-ch[22]:
		case v = <-ch[23]:
		case v = <-ch[24]:
		case v = <-ch[25]:
		case v = <-ch[26]:
		case v = <-ch[27]:
		case v = <-ch[28]:
		case v = <-ch[29]:
		case v = <-ch[30]:
		case v = <-ch[31]:
		}
		sum += v
	}
	return sum
}

func select1None(ch []chan int64, n int) (missed int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		default:
			missed++
		}
	}
	return missed + v
}

func select4None(ch []chan int64, n int) (missed int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		case v = <-ch[2]:
		case v = <-ch[3]:
		default:
			missed++
		}
	}
	return missed + v
}

func select32None(ch []chan int64, n int) (missed int64) {
	var v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-ch[0]:
		case v = <-ch[1]:
		case v = <-ch[2]:
		case v = <-ch[3]:
		case v = <-ch[4]:
		case v = <-ch[5]:
		case v = <-ch[6]:
		case v = <-ch[7]:
		case v = <-ch[8]:
		case v = <-ch[9]:
		case v = <-ch[10]:
		case v = <-ch[11]:
		case v = <-ch[12]:
		case v = <-ch[13]:
		case v = <-ch[14]:
		case v = <-ch[15]:
		case v = <-ch[16]:
		case v = <-ch[17]:
		case v = <-ch[18]:
		case v = <-ch[19]:
		case v = <-ch[20]:
		case v = <-ch[21]:
		case v = <-ch[22]:
		case v = <-ch[23]:
		case v = <-ch[24]:
		case v = <-ch[25]:
		case v = <-ch[26]:
		case v = <-ch[27]:
		case v = <-ch[28]:
		case v = <-ch[29]:
		case v = <-ch[30]:
		case v = <-ch[31]:
		default:
			missed++
		}
	}
	return missed + v
}

func makeChannels(cases, capacity int) []chan int64 {
	ch := make([]chan int64, cases)
	for i := range ch {
		ch[i] = make(chan int64, capacity)
	}
	return ch
}

// One goroutine sends to the channels in turn, another selects over them; ns per value.
func selectOf(name string, cases, capacity int, receive selecter) func(int, printer) {
	return func(n int, print printer) {
		ch := makeChannels(cases, capacity)
		start := now()
		go func() {
			for i := 0; i < n; i++ {
				ch[i%cases] <- int64(i)
			}
		}()
		sum := receive(ch, n)
		ns := nsPerOp(start, n)
		if sum != int64(n)*int64(n-1)/2 {
			panic("wrong sum")
		}
		print(name, ns, "ns")
	}
}

// Over empty channels, with a default; ns per select.
func selectNone(name string, cases int, receive selecter) func(int, printer) {
	return func(n int, print printer) {
		ch := makeChannels(cases, 0)
		start := now()
		missed := receive(ch, n)
		ns := nsPerOp(start, n)
		if missed != int64(n) {
			panic("an empty channel gave a value")
		}
		print(name, ns, "ns")
	}
}

func init() {
	questions["select1"] = question{1_000_000, 20_000, selectOf("select1", 1, 0, select1)}
	questions["select2"] = question{1_000_000, 20_000, selectOf("select2", 2, 0, select2)}
	questions["select4"] = question{500_000, 20_000, selectOf("select4", 4, 0, select4)}
	questions["select8"] = question{500_000, 20_000, selectOf("select8", 8, 0, select8)}
	questions["select32"] = question{100_000, 20_000, selectOf("select32", 32, 0, select32)}
	questions["select1_buffered"] = question{2_000_000, 20_000, selectOf("select1_buffered", 1, 128, select1)}
	questions["select2_buffered"] = question{2_000_000, 20_000, selectOf("select2_buffered", 2, 128, select2)}
	questions["select4_buffered"] = question{1_000_000, 20_000, selectOf("select4_buffered", 4, 128, select4)}
	questions["select8_buffered"] = question{1_000_000, 20_000, selectOf("select8_buffered", 8, 128, select8)}
	questions["select32_buffered"] = question{200_000, 20_000, selectOf("select32_buffered", 32, 128, select32)}
	questions["select1_none"] = question{20_000_000, 20_000, selectNone("select1_none", 1, select1None)}
	questions["select4_none"] = question{2_000_000, 20_000, selectNone("select4_none", 4, select4None)}
	questions["select32_none"] = question{500_000, 20_000, selectNone("select32_none", 32, select32None)}
}

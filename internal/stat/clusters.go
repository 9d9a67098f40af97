package stat

// Clusters tells how alike rows of the same user, or session, are, wherever they
// stand in a stream. The zero value is ready.
type Clusters struct {
	rows, sums      []float64 // By cluster.
	n, sum, square  float64
	alone           int     // Rows that belong to no cluster.
	nn, nsum, sumsq float64 // Sums over clusters, a row alone being one.
}

// Add takes one finite value of a cluster, which is numbered from 0; a negative
// number stands for a row of its own.
func (c *Clusters) Add(cluster int, x float64) {
	c.n++
	c.sum += x
	c.square += x * x
	if cluster < 0 {
		c.alone++
		c.nn, c.nsum, c.sumsq = c.nn+1, c.nsum+x, c.sumsq+x*x
		return
	}
	for len(c.rows) <= cluster {
		c.rows, c.sums = append(c.rows, 0), append(c.sums, 0)
	}
	n, s := c.rows[cluster], c.sums[cluster]
	c.nn += 2*n + 1
	c.nsum += n*x + s + x
	c.sumsq += 2*s*x + x*x
	c.rows[cluster], c.sums[cluster] = n+1, s+x
}

// Rows is how many rows count as one, at least 1: the variance of the mean as
// clusters show it over what it would be if every row stood for itself (the ratio
// estimator of cluster sampling: W. G. Cochran, Sampling Techniques, 1977). Where
// all rows belong to one cluster they count as one row.
func (c *Clusters) Rows() float64 {
	many := float64(len(c.rows) + c.alone)
	if many < 2 {
		return max(1, c.n)
	}
	mean := c.sum / c.n
	variance := c.square/c.n - mean*mean
	if variance <= 0 {
		return 1
	}
	residuals := c.sumsq - 2*mean*c.nsum + mean*mean*c.nn
	return max(1, residuals/(c.n*variance)*many/(many-1))
}

// fewClusters is how many clusters the belief weighs that rows of one are all alike.
const fewClusters = 20

// Cautious is how many rows count as one where clusters are few: between what they
// show and all the rows of a cluster, since a handful of users who happen to agree
// show nothing yet.
func (c *Clusters) Cautious() float64 {
	if c.n == 0 {
		return 1
	}
	many := float64(len(c.rows) + c.alone)
	return max(1, (many*c.Rows()+fewClusters*c.nn/c.n)/(many+fewClusters))
}
